"""Audits of answers that are there, with labels drawn anew: how often the verdict is wrong, and what it finds."""
