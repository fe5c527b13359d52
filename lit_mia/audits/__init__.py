"""The kinds of audit: what is made of a config."""
