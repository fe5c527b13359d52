"""The beginning of an own audit: what is there, and a commented config for it."""
