"""Queries: asking a target, and the store of its answers."""
