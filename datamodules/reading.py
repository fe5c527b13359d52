"""Looking at the images of a record table for the first time: which can be read, and which show the same."""

import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from lit_mia.errors import RecordError
from lit_mia.features.duplicates import Duplicates, Sets, find_duplicates, told
from lit_mia.features.pixels import decode_images, left_out
from lit_mia.records import UNKNOWN, Records
from lit_mia.splits import IdSets, locked_as_alike

logger = logging.getLogger(__name__)


Finder = Callable[[Records], Sets]
"""Finds rows that show the same."""


class Read(NamedTuple):
    """A record table whose images were looked at.

    Attributes:
        records: The table.
        rows: Those of its rows whose images can be read.
        unread: Id → why the image of another cannot.
        duplicates: Readable records of known membership that show the same.
    """

    records: Records
    rows: Sequence[int]
    unread: dict[str, str]
    duplicates: Sequence[Duplicates]


def nothing(_: Records) -> Sets:
    """Finds no records that show the same."""
    return ()


def alike_ids(records: Records, lock: Path | None, find: Finder) -> IdSets:
    """Ids of records that show the same: those that a lock remembers, or else those that are found now.

    So the groups of locked splits never change, neither by another encoder nor where none was asked when they were
    locked.

    Args:
        records: The records.
        lock: Lock of the splits of the records; None where nothing is grouped for it.
        find: Finds them.
    """
    locked = None if lock is None else locked_as_alike(lock)
    if locked is not None:
        return locked
    return [[records.ids[row] for row in rows] for rows in (find(records) if len(records) else ())]


def read_images(records: Records, size: int, folder: Path, alike: Callable[[Records], IdSets] = lambda _: ()) -> Read:
    """Decode the images of a table, if that was not done before.

    Args:
        records: The table.
        size: Side in pixels.
        folder: Where decoded images are.
        alike: Finds ids of readable records that show the same by other means than their pixels.

    Raises:
        RecordError: If there are records, but none can be read.
    """
    decoded = decode_images(records, size, folder)
    unread = left_out(records, decoded.unread, RecordError)
    rows = [row for row in range(len(records)) if row not in decoded.unread]
    known = [row for row in rows if records.members[row] != UNKNOWN]
    labelled = records.select(known)
    named = alike(labelled)
    place = {name: row for row, name in enumerate(labelled.ids)} if named else {}
    sets = [[place[name] for name in ids if name in place] for ids in named]
    duplicates = find_duplicates(labelled, decoded.looks, sets, known)
    if duplicates:
        logger.warning(told(duplicates))
    return Read(records, rows, unread, duplicates)
