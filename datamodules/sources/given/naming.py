"""What records are called that have no ids: by the name of their file, or by the content of their image."""

import sys
from collections.abc import Iterable
from typing import Any

from datamodules.sources.given.pictures import file_in, look
from datamodules.sources.places import NO_IMAGE

_HASH = 16
"""Digits of the hash of an image by which it is called."""


def stamp_of(cell: Any, where: str) -> str:
    """The hash of an image, or a mark that there is none that can be read: such a record fails alone.

    Raises:
        RecordError: If the cell holds no image.
    """
    try:
        return look(cell, where).stamp
    except OSError:
        return NO_IMAGE


def named(cells: Iterable[Any], what: str) -> tuple[list[str], list[str]]:
    """What images are called, which depends on no other image, and their stamps."""
    names, stamps = list[str](), list[str]()
    for row, cell in enumerate(cells):
        stamps.append(stamp_of(cell, place_in(what, row)))
        names.append(name_of(cell, stamps[-1], row))
    return names, stamps


def name_of(cell: Any, stamp: str, row: int) -> str:
    """The name of a file, or else the beginning of the hash; the row where there is no image."""
    return file_in(cell) or (f"row {row}" if stamp == NO_IMAGE else stamp[:_HASH])


def without_na(cell: Any) -> Any:
    """A cell; None for the mark of pandas that one is empty, which cannot be compared."""
    pandas = sys.modules.get("pandas")
    return None if pandas is not None and cell is pandas.NA else cell


def place_in(what: str, row: int) -> str:
    """A row as errors name it, counted from 0."""
    return f"row {row} of {what}"


def changed(what: str, row: int) -> str:
    """What an error says of an image that is another one when it is read again."""
    return (
        f"What {place_in(what, row)} holds is not what it held when it was first read: it was changed since, or it is "
        "another each time, as under a random transform. Take random transforms out, leave the images as they are, and "
        "make the records anew."
    )
