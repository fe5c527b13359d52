"""Which images are copies of which, and whether a training half is reproduced more than a half that was held out."""
