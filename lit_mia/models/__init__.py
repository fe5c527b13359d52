"""Model files: where they are, how they are loaded and placed, what tells them apart, and how their parts are run."""
