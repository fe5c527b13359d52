"""Rows of a table as records: what a row is called, to which group it belongs, and which of its captions is used."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from datamodules.sources.captions import NOTHING, CaptionChoice, captions_in, chosen
from datamodules.sources.places import NO_IMAGE
from lit_mia.errors import RecordError
from lit_mia.records import Encoded, Records, check_unicode, no_file, taken


class Columns(NamedTuple):
    """Names of the columns that hold something; None: no column does."""

    image: str
    caption: str | None
    member: str | None
    id: str | None
    group: str | None


@dataclass(frozen=True)
class Rows:
    """A table with a row for each image, or several for one.

    Attributes:
        columns: Names of its columns.
        ids: Names of the rows, from the column of ids or from what names the image.
        captions: Cells of captions.
        members: Labels.
        groups: Cells of groups.
        stamps: What changes when an image does; the same in rows of one image.
        open_image: Opens the image of a row.
        where: What errors call a row.
        encoded: The image of a row as it is kept.
    """

    columns: Columns
    ids: Sequence[str]
    captions: Sequence[Any]
    members: Sequence[int]
    groups: Sequence[Any]
    stamps: Sequence[str]
    open_image: Callable[[int], Image.Image]
    where: Callable[[int], str]
    encoded: Callable[[int], Encoded | None] = no_file

    def records(self, choice: CaptionChoice) -> Records:
        """One record for each row, or for each caption.

        A row without a group belongs to the group of the first row of the same image, which is called like that row.

        Args:
            choice: Which caption of several is used; `all` makes a record of each, `id#1`, `id#2` and so on.

        Raises:
            RecordError: If a caption is no text, a group is a list or an object, a name is not Unicode, or two records
                have one id.
        """
        check_unicode(self.ids)
        names = self.ids if self.columns.id is not None else list(_numbered(self))
        groups = list(_groups(self, names))
        texts = [chosen(captions_in(self.captions[i], self.where(i)), choice, name) for i, name in enumerate(names)]
        rows = np.repeat(np.arange(len(texts)), [len(found) for found in texts])
        open_image, encoded = self.open_image, self.encoded  # all else is let go of
        return Records(
            ids=tuple(
                name if len(found) == 1 else f"{name}#{number}"
                for name, found in zip(names, texts, strict=True)
                for number in range(1, len(found) + 1)
            ),
            captions=tuple(text for found in texts for text in found),
            members=taken(self.members, rows),
            groups=taken(groups, rows),
            open_image=lambda record: open_image(int(rows[record])),
            stamps=taken(self.stamps, rows),
            grouped=self.columns.group is not None,
            encoded=lambda record: encoded(int(rows[record])),
        )


def check_columns(path: str, wanted: Sequence[str | None], present: Sequence[str]) -> None:
    """Refuse a table that lacks columns, or has one of them twice.

    Raises:
        RecordError: Naming all such columns and those that are there.
    """
    names = [name for name in wanted if name is not None]
    missing = [name for name in names if name not in present]
    more = f" and {len(present) - 20} more" if len(present) > 20 else ""
    if missing:
        raise RecordError(
            f"{path} has no column {missing}; it has {list(present[:20])}{more}. Name the columns that hold images, "
            "captions, labels, ids and groups, or set those that you do not have to null."
        )
    twice = [name for name in names if list(present).count(name) > 1]
    if twice:
        raise RecordError(f"{path} has more than one column {twice}. Rename all but the one that is meant.")


def is_empty(cell: Any) -> bool:
    """Whether a cell holds nothing: None, a NaN, which is not itself, or what programs write for these as text."""
    return cell is None or cell != cell or (isinstance(cell, str) and cell.strip() in NOTHING)


def _numbered(rows: Rows) -> Iterator[str]:
    """The names of rows, `a.png` and then `a.png#2`, where several are of one image and of one label."""
    facts = defaultdict(set)
    for name, stamp, member in zip(rows.ids, rows.stamps, rows.members, strict=True):
        facts[name].add((stamp, member))
    seen: Counter[str] = Counter()
    for name in rows.ids:
        seen[name] += 1
        yield name if seen[name] == 1 or len(facts[name]) > 1 else f"{name}#{seen[name]}"


def _groups(rows: Rows, names: Sequence[str]) -> Iterator[str]:
    first: dict[str, str] = {}
    for row, (name, cell, stamp) in enumerate(zip(names, rows.groups, rows.stamps, strict=True)):
        if isinstance(cell, list | dict):
            raise RecordError(
                f"A record is in one group, but {rows.where(row)} has {str(cell)[:80]}. Name a `group_column` of texts "
                "or numbers."
            )
        if not is_empty(cell):
            yield str(cell)
        else:
            yield name if stamp == NO_IMAGE else first.setdefault(stamp, name)
