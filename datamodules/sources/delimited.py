"""Lines of delimited text files, in the dialects that spreadsheets write."""

import csv
import logging
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TextIO

from datamodules.sources.places import with_home
from datamodules.sources.rows import check_columns
from lit_mia.errors import RecordError

_DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")

logger = logging.getLogger(__name__)


def csv_lines(
    path: str, wanted: Sequence[str | None], restval: str | None = None
) -> Iterator[tuple[int, dict[str | None, str]]]:
    """The number and the cells of each line of a text file with a header line.

    Commas, semicolons, tabs or bars stand between the cells: those by which the header has the wanted columns,
    or else most columns. The file
    is UTF-8, or UTF-16 with its mark. Spaces around names in the header do not count.

    Args:
        path: The file.
        wanted: Columns that it must have.
        restval: What a cell that is missing at the end of a line holds.

    Raises:
        RecordError: If it is missing, is no such file, lacks a column, or has one twice.
    """
    file = with_home(path)
    try:
        with file.open(encoding=_encoding(file), newline="") as text:
            delimiter = _delimiter(text, wanted)
            text.seek(0)
            reader = csv.DictReader(text, delimiter=delimiter, strict=True, restval=restval)
            reader.fieldnames = [name.strip() for name in reader.fieldnames or ()]
            check_columns(path, wanted, reader.fieldnames)
            if delimiter != ",":
                logger.info("%s is read with %s between its cells", path, _DELIMITERS[delimiter])
            for cells in reader:
                yield reader.line_num, cells
    except (OSError, UnicodeError, csv.Error) as error:
        advice = " Save it as UTF-8." if isinstance(error, UnicodeError) else ""
        raise RecordError(f"{path} cannot be read as a CSV file in UTF-8 or UTF-16: {error}.{advice}") from error


def _encoding(file: Path) -> str:
    with file.open("rb") as stream:
        return "utf-16" if stream.read(2) in _UTF_16 else "utf-8-sig"


def _delimiter(text: TextIO, wanted: Sequence[str | None]) -> str:
    """The first by which the header has the wanted columns, or else that by which it has most columns."""
    headers = {delimiter: _header(text, delimiter) for delimiter in _DELIMITERS}
    needed = set(wanted) - {None}
    fitting = (delimiter for delimiter, header in headers.items() if needed and needed <= set(header))
    return next(fitting, max(headers, key=lambda delimiter: len(headers[delimiter])))


def _header(text: TextIO, delimiter: str) -> list[str]:
    text.seek(0)
    try:
        return [name.strip() for name in csv.DictReader(text, delimiter=delimiter, strict=True).fieldnames or ()]
    except csv.Error:
        return []
