"""Membership inference audits of text-to-image models."""
