"""Records from a CSV file that lists image files."""

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import final

from datamodules.sources.base import RecordSource, check_columns, file_stamp, open_rgb, parse_member
from lit_mia.errors import RecordError
from lit_mia.records import UNKNOWN, Records


@final
class CsvSource(RecordSource):
    """One row per image: a path, and optionally caption, membership, id and group.

    Args:
        path: The CSV file, UTF-8, with a header line.
        image_column: Column of image paths, relative to the folder of the CSV file.
        caption_column: Column of captions, empty where there is none; null if the file has no captions.
        member_column: Column of labels: 1, 0, or empty or `unknown`; null makes every record unknown.
        id_column: Column of unique, stable names; null takes the path as it stands in the file.
        group_column: Column of groups that are never split apart; an empty cell, or null, takes the id.
    """

    def __init__(
        self,
        path: str,
        image_column: str = "image",
        caption_column: str | None = "caption",
        member_column: str | None = "member",
        id_column: str | None = None,
        group_column: str | None = None,
    ) -> None:
        self.path = path
        self.image_column = image_column
        self.caption_column = caption_column
        self.member_column = member_column
        self.id_column = id_column
        self.group_column = group_column

    def load(self) -> Records:
        """Read the table.

        Raises:
            RecordError: If the file is missing, is not CSV, lacks a column, or a line has an empty path or id, too
                few or too many cells, or a label that is not 1, 0 or unknown.
        """
        lines = list(self._read())
        folder = Path(self.path).parent
        files = [folder / self._filled(cells, self.image_column, line) for line, cells in lines]
        id_column = self.id_column or self.image_column
        ids = [self._filled(cells, id_column, line) for line, cells in lines]
        return Records(
            ids=tuple(ids),
            captions=tuple(self._caption(cells) for _, cells in lines),
            members=tuple(self._member(cells, line) for line, cells in lines),
            groups=tuple(self._group(cells) or name for (_, cells), name in zip(lines, ids, strict=True)),
            open_image=lambda row: open_rgb(files[row]),
            stamps=tuple(map(file_stamp, files)),
        )

    def _read(self) -> Iterator[tuple[int, dict[str, str]]]:
        """Yield the line number and the cells of each row."""
        try:
            with Path(self.path).open(encoding="utf-8-sig", newline="") as file:
                reader = csv.DictReader(file, strict=True)
                header = list(reader.fieldnames or ())
                check_columns(self.path, self._columns(), header)
                for cells in reader:
                    if None in cells or None in cells.values():
                        raise RecordError(
                            f"Line {reader.line_num} of {self.path} must have {len(header)} cells, like the header. "
                            "Put cells that hold a comma between double quotes."
                        )
                    yield reader.line_num, cells
        except (OSError, UnicodeDecodeError, csv.Error) as error:
            raise RecordError(f"{self.path} cannot be read as a UTF-8 CSV file: {error}.") from error

    def _columns(self) -> tuple[str | None, ...]:
        return self.image_column, self.caption_column, self.member_column, self.id_column, self.group_column

    def _filled(self, cells: dict[str, str], column: str, line: int) -> str:
        value = cells[column].strip()
        if not value:
            raise RecordError(f"Line {line} of {self.path} has an empty `{column}`. Fill it in or delete the line.")
        return value

    def _caption(self, cells: dict[str, str]) -> str | None:
        return (cells[self.caption_column].strip() or None) if self.caption_column else None

    def _member(self, cells: dict[str, str], line: int) -> int:
        return parse_member(cells[self.member_column], f"line {line} of {self.path}") if self.member_column else UNKNOWN

    def _group(self, cells: dict[str, str]) -> str:
        return cells[self.group_column].strip() if self.group_column else ""
