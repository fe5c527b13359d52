"""Records from a CSV file that lists images."""

from typing import Literal, final

from datamodules.sources.base import RecordSource
from datamodules.sources.captions import CaptionChoice
from datamodules.sources.decoding import open_listed
from datamodules.sources.delimited import csv_lines
from datamodules.sources.labels import check_labelled_once, parse_member
from datamodules.sources.places import file_stamp, listed_place, refuse_urls, with_home
from datamodules.sources.rows import Columns, Rows
from lit_mia.errors import RecordError
from lit_mia.records import Records


@final
class CsvSource(RecordSource):
    """One row per image: a path, and optionally caption, membership, id and group.

    Several rows of one image, as where it has several captions, are one group; without `id_column` the later ones are
    called `path#2`, `path#3` and so on.

    Args:
        path: The CSV file, UTF-8 or UTF-16, with a header line. Commas, semicolons, tabs or bars are between its cells.
        image_column: Column of image paths, relative to the folder of the CSV file.
        caption_column: Column of captions, empty where there is none; null if the file has no captions.
        member_column: Column of labels: 1 or member, 0 or nonmember, or empty or `unknown`; null makes every record
            unknown.
        id_column: Column of unique, stable names; null takes the path as it stands in the file.
        group_column: Column of groups that are never split apart; an empty cell, or null, takes the id of the first row
            of the same image.
        caption_choice: Which caption of a cell that lists several is used: `first`; `random`, by a hash of the id; or
            `all`, each in a record of its own, called `id#1`, `id#2` and so on, in one group.
        member: Label of the whole file: 1 or 0; then `member_column` must be null. Null takes `member_column`.

    Raises:
        RecordError: If both `member` and `member_column` are given.
    """

    def __init__(
        self,
        path: str,
        image_column: str = "image",
        caption_column: str | None = "caption",
        member_column: str | None = "member",
        id_column: str | None = None,
        group_column: str | None = None,
        caption_choice: CaptionChoice = "first",
        member: Literal[1, 0] | None = None,
    ) -> None:
        check_labelled_once(member, member_column)
        self.path, self.caption_choice, self.member = path, caption_choice, member
        self.columns = Columns(
            image=image_column, caption=caption_column, member=member_column, id=id_column, group=group_column
        )

    @property
    def origin(self) -> str:
        """The file."""
        return self.path

    def load(self) -> Records:
        """Read the table.

        Raises:
            RecordError: If the file is missing, is not CSV, lacks a column, or a line has an empty path or id, too
                few or too many cells, or a label that is none; or if all images are URLs.
        """
        lines = list(csv_lines(self.path, self.columns))
        for line, cells in lines:
            if None in cells or None in cells.values():
                raise RecordError(
                    f"Line {line} of {self.path} must have {len(cells.keys() - {None})} cells, like the header. "
                    "Put cells that hold a comma between double quotes."
                )
        folder = with_home(self.path).parent
        names = [self._filled(cells, self.columns.image, line) for line, cells in lines]
        refuse_urls(names, self.columns.image, self.path)
        files = [listed_place(folder, name) for name in names]
        column = {name: [cells[name].strip() if name else "" for _, cells in lines] for name in self.columns}
        labels = column[self.columns.member] if self.member is None else [self.member] * len(lines)
        rows = Rows(
            columns=self.columns,
            ids=[self._filled(cells, self.columns.id or self.columns.image, line) for line, cells in lines],
            captions=column[self.columns.caption],
            members=[
                parse_member(label, f"line {line} of {self.path}")
                for label, (line, _) in zip(labels, lines, strict=True)
            ],
            groups=column[self.columns.group],
            stamps=list(map(file_stamp, files)),
            open_image=lambda row: open_listed(names[row], files[row]),
            where=lambda row: f"line {lines[row][0]} of {self.path}",
            encoded=files.__getitem__,
        )
        return rows.records(self.caption_choice)

    def _filled(self, cells: dict[str | None, str], column: str, line: int) -> str:
        value = cells[column].strip()
        if not value:
            raise RecordError(f"Line {line} of {self.path} has an empty `{column}`. Fill it in or delete the line.")
        return value
