"""Cells as they were given, in columns, and the records that they are."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image
from torch import Tensor

from datamodules.sources.given.pictures import encoded_in, file_in, look
from datamodules.sources.labels import parse_member
from datamodules.sources.places import NO_IMAGE
from datamodules.sources.rows import Columns, Rows, check_columns, is_empty
from lit_mia.errors import RecordError
from lit_mia.records import MEMBER, NON_MEMBER, UNKNOWN, Records

ColumnNames = Mapping[str, str | None]
"""What a column holds → its name; None: what it holds does not count."""

_USUAL = {
    "image": ("image", "img", "file_name", "path"),
    "caption": ("caption", "text", "prompt"),
    "member": ("member",),
    "id": ("id",),
    "group": ("group",),
}
"""What a column holds → what it is usually called; the first that is there is taken."""
_HASH = 16
"""Digits of the hash of an image by which it is called."""


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
            raise RecordError(f"None of the {len(self.stamps)} images of {self.what} can be read: {self._reason()}")
        rows = Rows(
            columns=self.columns,
            ids=self.names if self.columns.id is None else list(map(self._id, range(len(self.ids)))),
            captions=list(map(_plain, self.captions)),
            members=self._labels(stated),
            groups=list(map(_plain, self.groups)),
            stamps=self.stamps,
            open_image=_opening(self.image, self.stamps, self.what),
            where=self.where,
            encoded=_encoding(self.image),
        )
        self._refuse_contradictions(rows.members)
        return rows.records("first")

    def _labels(self, stated: Sequence[Any] | None) -> list[int]:
        own, said = (
            [parse_member(_plain(cell), self.where(row)) for row, cell in enumerate(cells)]
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
        cell = _plain(self.ids[row])
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

    def _reason(self) -> str:
        try:
            look(self.image(0), self.where(0))
        except OSError as error:
            return str(error)
        return "it is there only now. Try again."


def place_in(what: str, row: int) -> str:
    """A row as errors name it, counted from 0."""
    return f"row {row} of {what}"


def found_columns(present: Sequence[str], given: ColumnNames, what: str) -> Columns:
    """Which column holds what: as it is given, or else by the names that are usual.

    Args:
        present: Names of the columns that there are.
        given: What the user says.
        what: What an error calls the table.

    Raises:
        RecordError: If a column is given that is not there, there is none of images, or a name of a kind is unknown.
    """
    odd = sorted(given.keys() - _USUAL.keys())
    if odd:
        raise RecordError(f"`columns` may name the column of {', '.join(_USUAL)}, but names one of {', '.join(odd)}.")
    usual = {kind: next((name for name in names if name in present), None) for kind, names in _USUAL.items()}
    found = {**usual, **given}
    check_columns(what, [found[kind] for kind in given], present)
    if found["image"] is None:
        raise RecordError(
            f"There is no column of images in {what} that is called {', '.join(_USUAL['image'])}; it has "
            f"{list(present[:20])}. Name it: `columns={{'image': ...}}`; so for caption, member, id and group."
        )
    return Columns(
        image=found["image"], caption=found["caption"], member=found["member"], id=found["id"], group=found["group"]
    )


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


def _plain(cell: Any) -> Any:
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
        return seen.open()

    return open_image


def changed(what: str, row: int) -> str:
    """What an error says of an image that is another one when it is read again."""
    return (
        f"What {place_in(what, row)} holds is not what it held when it was first read: it was changed since, or it is "
        "another each time, as under a random transform. Take random transforms out, leave the images as they are, and "
        "make the records anew."
    )


def _encoding(image: Callable[[int], Any]) -> Callable[[int], Any]:
    return lambda row: encoded_in(image(row))
