"""A membership audit for others to read: the section of a model card, and `report.md`."""

from lit_mia.report.membership.card.section import card, document

__all__ = ["card", "document"]
