"""The kinds of audit, and what they have in common."""
