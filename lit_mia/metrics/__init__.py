"""Pure functions on raw scores and labels, with intervals that fit the design, and the verdict rule."""
