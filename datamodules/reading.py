"""Looking at the images of a record table for the first time: which can be read, and which show the same."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from lit_mia.errors import RecordError
from lit_mia.features.duplicates import Duplicates, find_duplicates, told
from lit_mia.features.pixels import decode_images, left_out
from lit_mia.records import UNKNOWN, Records

logger = logging.getLogger(__name__)


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


def read_images(records: Records, size: int, folder: Path) -> Read:
    """Decode the images of a table, if that was not done before.

    Args:
        records: The table.
        size: Side in pixels.
        folder: Where decoded images are.

    Raises:
        RecordError: If there are records, but none can be read.
    """
    decoded = decode_images(records, size, folder)
    unread = left_out(records, decoded.unread, RecordError)
    rows = [row for row in range(len(records)) if row not in decoded.unread]
    known = [row for row in rows if records.members[row] != UNKNOWN]
    duplicates = find_duplicates(records.select(known), decoded.looks[known])
    if duplicates:
        logger.warning(told(duplicates))
    return Read(records, rows, unread, duplicates)
