"""Cells as they were given, in columns, and the records that they are."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image
from torch import Tensor

from datamodules.sources.given.naming import changed, place_in
from datamodules.sources.given.pictures import encoded_in, look
from datamodules.sources.labels import parse_member
from datamodules.sources.places import NO_IMAGE
from datamodules.sources.rows import Columns, Rows, is_empty
from lit_mia.errors import RecordError
from lit_mia.records import MEMBER, NON_MEMBER, UNKNOWN, Records


@dataclass(frozen=True)
class Cells:
    """Columns with a cell for each record.

    Attributes:
        columns: Names of the columns.
        image: The image of a row, asked for anew each time it is needed.
        names: What a row is called if there is no column of ids.
        stamps: Hashes of the images.
        captions: Captions.
        members: Labels.
        ids: Names from the column of ids.
        groups: Groups.
        what: What errors call the whole, e.g. "the list".
    """

    columns: Columns
    image: Callable[[int], Any]
    names: Sequence[str]
    stamps: Sequence[str]
    captions: Sequence[Any]
    members: Sequence[Any]
    ids: Sequence[Any]
    groups: Sequence[Any]
    what: str

    def where(self, row: int) -> str:
        """The place of a row in errors."""
        return place_in(self.what, row)

    def records(self, stated: Sequence[Any] | None = None) -> Records:
        """One record for each row; of several captions the first.

        Args:
            stated: A label of each row, which may not contradict those of the table; None: those of the table.

        Raises:
            RecordError: If there is no row, a cell is not what its column should hold, an id is empty or not unique,
                labels contradict each other, or one image is a member and a non-member.
        """
        if not self.names:
            raise RecordError(f"There are no records in {self.what}. Give at least one image.")
        if all(stamp == NO_IMAGE for stamp in self.stamps):
            self._refuse_unreadable()
        rows = Rows(
            columns=self.columns,
            ids=self.names if self.columns.id is None else list(map(self._id, range(len(self.ids)))),
            captions=list(map(plain, self.captions)),
            members=self._labels(stated),
            groups=list(map(plain, self.groups)),
            stamps=self.stamps,
            open_image=_opening(self.image, self.stamps, self.what),
            where=self.where,
            encoded=_encoding(self.image),
        )
        self._refuse_contradictions(rows.members)
        return rows.records("first")

    def _labels(self, stated: Sequence[Any] | None) -> list[int]:
        own, said = (
            [parse_member(plain(cell), self.where(row)) for row, cell in enumerate(cells)]
            for cells in (self.members, self.members if stated is None else stated)
        )
        for row, (label, other) in enumerate(zip(own, said, strict=True)):
            if label not in (other, UNKNOWN):
                raise RecordError(
                    f"`member` labels {self.where(row)} {other}, but there it is labelled {label}. Leave `member` out, "
                    "or the labels that are there: `columns={'member': None}`."
                )
        return said

    def _id(self, row: int) -> str:
        cell = plain(self.ids[row])
        if is_empty(cell):
            raise RecordError(
                f"The cell of `{self.columns.id}` is empty in {self.where(row)}. Fill it in, or leave the column out "
                "(`columns={'id': None}`): then files are called by their names, other images by their content."
            )
        return str(cell)

    def _refuse_contradictions(self, members: Sequence[int]) -> None:
        first: dict[tuple[str, int], int] = {}
        for row, labelled in enumerate(zip(self.stamps, members, strict=True)):
            first.setdefault(labelled, row)
        for stamp in dict.fromkeys(self.stamps):
            if stamp != NO_IMAGE and {(stamp, MEMBER), (stamp, NON_MEMBER)} <= first.keys():
                rows = sorted((first[stamp, MEMBER], first[stamp, NON_MEMBER]))
                raise RecordError(
                    f"One image is labelled a member and a non-member, in {self.where(rows[0])} and in row {rows[1]}. "
                    "An image that was trained on is a member: mend the labels, or leave it out."
                )

    def _refuse_unreadable(self) -> None:
        try:
            look(self.image(0), self.where(0))
        except OSError as error:
            count = len(self.stamps)
            raise RecordError(f"None of the {count} images of {self.what} can be read: {error}") from error


def plain(cell: Any) -> Any:
    """A number of NumPy or PyTorch as one of Python, and an array as a list."""
    if isinstance(cell, Tensor | np.ndarray | np.generic):
        return cell.tolist()
    return cell


def _opening(image: Callable[[int], Any], stamps: Sequence[str], what: str) -> Callable[[int], Image.Image]:
    """Opens the image of a row, if it still is the one that the records were made of."""

    def open_image(row: int) -> Image.Image:
        seen = look(image(row), place_in(what, row))
        if seen.stamp != stamps[row]:
            raise RecordError(changed(what, row))
        return seen.decode()

    return open_image


def _encoding(image: Callable[[int], Any]) -> Callable[[int], Any]:
    return lambda row: encoded_in(image(row))
