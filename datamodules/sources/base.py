"""Where records come from."""

import csv
import struct
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import IO

from PIL import Image, ImageOps

from lit_mia.cost import Cost, Estimate
from lit_mia.errors import RecordError
from lit_mia.records import MEMBER, NON_MEMBER, UNKNOWN, Records
from lit_mia.transparency import rgb_over_white

_LABELS = {"1": MEMBER, "0": NON_MEMBER, "": UNKNOWN, "unknown": UNKNOWN}


class RecordSource(ABC):
    """Something that yields a table of records.

    Attributes:
        parts: The sources that this one reads; what is true of a part is true of the whole.
    """

    parts: tuple["RecordSource", ...] = ()

    @abstractmethod
    def load(self) -> Records:
        """The table. Images stay unopened until they are asked for.

        Raises:
            RecordError: If the table cannot be read, lacks a column or holds a label that is not 1, 0 or unknown.
        """

    @property
    def shift(self) -> str | None:
        """How members and non-members differ by construction in more than membership; None if they do not.

        An audit of such records must be of the design `post_hoc`, and its report says this sentence.
        """
        return next((part.shift for part in self.parts if part.shift is not None), None)

    def estimates(self) -> dict[str, Estimate]:
        """What `load` would ask of models that draw records, by model; empty if nothing is missing."""
        return {name: estimate for part in self.parts for name, estimate in part.estimates().items()}

    def costs(self) -> dict[str, Cost]:
        """What `load` has asked of such models so far, by model."""
        return {name: cost for part in self.parts for name, cost in part.costs().items()}


def open_rgb(file: Path | IO[bytes]) -> Image.Image:
    """Decode an image: upright by its EXIF tag, RGB, white behind transparent pixels.

    Raises:
        OSError: If it is missing, damaged, not an image, or too large to be decoded safely.
    """
    try:
        with Image.open(file) as image:
            return rgb_over_white(ImageOps.exif_transpose(image))
    except (SyntaxError, ValueError, EOFError, struct.error, Image.DecompressionBombError) as error:
        raise OSError(f"Not a readable image: {error}") from error


def file_stamp(file: Path) -> str:
    """Where a file is, its size and the time of its change, without reading it; also if it is missing."""
    try:
        place = file.resolve()
        facts = place.stat()
    except (OSError, ValueError, RuntimeError):  # also names that no file can have, and links that lead in a circle
        return f"{file}: missing"
    return f"{place}: {facts.st_size} bytes of {facts.st_mtime_ns}"


def check_columns(path: str, wanted: Iterable[str | None], present: Sequence[str]) -> None:
    """Refuse a table that lacks columns.

    Raises:
        RecordError: Naming all missing columns and those that are there.
    """
    missing = [name for name in wanted if name is not None and name not in present]
    if missing:
        raise RecordError(
            f"{path} has no column {missing}; it has {list(present)}. Name the columns that hold images, captions, "
            "labels, ids and groups, or set those that you do not have to null."
        )


def csv_lines(
    path: str, wanted: Iterable[str | None], restval: str | None = None
) -> Iterator[tuple[int, dict[str | None, str]]]:
    """The number and the cells of each line of a UTF-8 CSV file with a header line.

    Args:
        path: The file.
        wanted: Columns that it must have.
        restval: What a cell that is missing at the end of a line holds.

    Raises:
        RecordError: If it is missing, is not CSV or lacks a column.
    """
    try:
        with Path(path).expanduser().open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, strict=True, restval=restval)
            check_columns(path, wanted, list(reader.fieldnames or ()))
            for cells in reader:
                yield reader.line_num, cells
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise RecordError(f"{path} cannot be read as a UTF-8 CSV file: {error}.") from error


def parse_member(value: object, where: str) -> int:
    """Read a membership label: 1, 0, or empty or "unknown" for -1.

    Args:
        value: A cell of the table.
        where: The place that an error names, e.g. "line 7".

    Raises:
        RecordError: If the cell holds anything else.
    """
    text = f"{value:g}" if isinstance(value, int | float) else str(value or "").strip().lower()
    if text not in _LABELS:
        raise RecordError(f"A member label must be 1, 0, or empty or `unknown`, but {where} has {value!r}.")
    return _LABELS[text]
