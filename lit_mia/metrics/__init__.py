"""Metrics: pure functions on raw scores."""
