"""Records from what a notebook or a script has: folders, tables, lists and data sets."""

from datamodules.sources.given.records import records_from, sides_from

__all__ = ["records_from", "sides_from"]
