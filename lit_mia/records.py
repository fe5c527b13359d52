"""The vocabulary of everything else: records, and people under question."""

import hashlib
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self, TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lit_mia.batches import slices
from lit_mia.errors import RecordError
from lit_mia.files import key_digest, list_digest

MEMBER, NON_MEMBER, UNKNOWN = 1, 0, -1
AT_ONCE = 4096
"""Rows that are hashed at once."""
Cell = TypeVar("Cell")
Encoded = Path | bytes
"""An image as it is kept: a file, or what would be in it."""


def id_hash(record_id: str) -> str:
    """SHA-256 of an id: what score tables, pages and W&B know a record by, since an id may name a person or a file."""
    return hashlib.sha256(record_id.encode()).hexdigest()


def no_file(row: int) -> Encoded | None:
    """What a source says whose images are in no files of their own."""
    return None


@dataclass(frozen=True)
class Records:
    """A table of images under question, one row each.

    Attributes:
        ids: Unique, stable names.
        captions: The text that belongs to each image, or None.
        members: 1 (in the target's training set), 0 (not in it) or -1 (unknown).
        groups: Records of one group (near-duplicates, one artist, one person) are never split apart.
        open_image: Opens the image of row `i` as RGB; raises `OSError` if it cannot be read.
        stamps: What changes when the image does: a hash of its content, or its path with size and time of change.
        grouped: Whether the source states the groups.
        origins: Which of several sources each record comes from; empty if all come from one.
        encoded: The image of row `i` as it is kept; None where it is drawn or decoded by the source.
    """

    ids: tuple[str, ...]
    captions: tuple[str | None, ...]
    members: tuple[int, ...]
    groups: tuple[str, ...]
    open_image: Callable[[int], Image.Image]
    stamps: tuple[str, ...]
    grouped: bool = False
    origins: tuple[str, ...] = ()
    encoded: Callable[[int], Encoded | None] = no_file

    def __post_init__(self) -> None:
        """Check the columns.

        Raises:
            RecordError: If columns differ in length, an id occurs twice, a label is not 1, 0 or -1, or a text cannot be
                written as UTF-8.
        """
        columns = (self.ids, self.captions, self.members, self.groups, self.stamps, self.origins or self.ids)
        lengths = {len(column) for column in columns}
        if len(lengths) != 1:
            raise RecordError(f"The columns of a record table must have one length, but have {sorted(lengths)}.")
        if len(set(self.ids)) < len(self.ids):
            twice = [name for name, count in Counter(self.ids).items() if count > 1]
            raise RecordError(_twice(twice, set(zip(self.ids, self.members, strict=True))))
        odd = _odd(self.members)
        if odd:
            raise RecordError(f"`member` must be 1, 0 or unknown, but the records also hold {odd[:5]}.")
        check_unicode([*self.ids, *self.groups, *filter(None, self.captions)])

    def __len__(self) -> int:
        return len(self.ids)

    def select(self, rows: Sequence[int]) -> Self:
        """The table of the given rows, in their order; itself if they are all."""
        kept = np.array(rows, np.int64)
        if np.array_equal(kept, np.arange(len(self))):
            return self
        open_image, encoded = self.open_image, self.encoded  # the whole table is let go of
        return replace(
            self,
            ids=taken(self.ids, kept),
            captions=taken(self.captions, kept),
            members=taken(self.members, kept),
            groups=taken(self.groups, kept),
            open_image=lambda row: open_image(int(kept[row])),
            stamps=taken(self.stamps, kept),
            origins=taken(self.origins, kept) if self.origins else (),
            encoded=lambda row: encoded(int(kept[row])),
        )

    def rows_of(self, *members: int) -> list[int]:
        """The rows whose label is one of some labels, such as `MEMBER, NON_MEMBER`: those of known membership."""
        return [row for row, member in enumerate(self.members) if member in members]

    def relabelled(self, members: Sequence[int]) -> Self:
        """The table with other labels, one for each row."""
        return replace(self, members=tuple(int(member) for member in members))

    def joined(self, sets: Iterable[Sequence[str]]) -> Self:
        """The table with one group for each set of ids, and for all other records of their groups.

        Args:
            sets: Ids that belong together; the group is called as the first of theirs in alphabetical order.
        """
        sets = list(sets)
        if not sets:
            return self
        group_of, part_of = dict(zip(self.ids, self.groups, strict=True)), {group: group for group in self.groups}

        def whole(group: str) -> str:
            while part_of[group] != group:
                group = part_of[group]
            return group

        for ids in sets:
            first, *others = sorted({whole(group_of[name]) for name in ids})
            part_of |= dict.fromkeys(others, first)
        return replace(self, groups=tuple(map(whole, self.groups)))

    def uncaptioned(self) -> list[str]:
        """Ids of the records that have no caption, or a blank one."""
        return [name for name, text in zip(self.ids, self.captions, strict=True) if not (text or "").strip()]

    def one_sided(self) -> dict[int, list[str]]:
        """Label → origins that give records of this side and none of the other."""
        by_side = {
            side: {origin for origin, member in zip(self.origins, self.members, strict=False) if member == side}
            for side in (MEMBER, NON_MEMBER)
        }
        return {
            MEMBER: sorted(by_side[MEMBER] - by_side[NON_MEMBER]),
            NON_MEMBER: sorted(by_side[NON_MEMBER] - by_side[MEMBER]),
        }

    def digest(self) -> str:
        """SHA-256 of ids, labels and groups, independent of their order."""
        rows = sorted(zip(self.ids, self.members, self.groups, strict=True))
        return list_digest(rows[part] for part in slices(len(rows), AT_ONCE))

    def images_digest(self) -> str:
        """SHA-256 of the stamps in their order: what is computed from the images is kept under it, not under ids."""
        return list_digest(self.stamps[part] for part in slices(len(self), AT_ONCE))


@dataclass(frozen=True)
class People:
    """A table of people under question, one row each.

    Attributes:
        names: Unique by `name_key`, as they stand in captions, e.g. "Ana Petrov".
        members: 1 (in the target's training set), 0 (not in it) or -1 (unknown).
        occurrences: How many training pairs show the person; None if unknown.
        image_counts: Images at hand per person.
        open_image: Opens an image by row and number of the image as RGB; raises `OSError` if it cannot be read.
        stamps: What changes when the images of a person do, so that cached embeddings are not taken for those of other
            images; empty if names and counts say it all.
    """

    names: tuple[str, ...]
    members: tuple[int, ...]
    occurrences: tuple[int | None, ...]
    image_counts: tuple[int, ...]
    open_image: Callable[[int, int], Image.Image]
    stamps: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Check the columns.

        Raises:
            RecordError: If columns differ in length, a name is empty or occurs twice, a label is not 1, 0 or -1, a
                count is negative, or a label contradicts the occurrences.
        """
        lengths = {len(self.names), len(self.members), len(self.occurrences), len(self.image_counts)}
        if len(lengths | ({len(self.stamps)} if self.stamps else set())) != 1:
            raise RecordError(f"The columns of a table of people must have one length, but have {sorted(lengths)}.")
        twice = names_given_twice(self.names)
        if twice or not all(self.names):
            raise RecordError(
                f"Names of people must be filled in and unique, but {len(twice)} occur more than once, e.g. "
                f"{twice[:3]}, and {self.names.count('')} are empty. Two people of one name cannot be told apart."
            )
        check_unicode(self.names)
        odd = _odd(self.members)
        negative = [count for count in (*self.occurrences, *self.image_counts) if count is not None and count < 0]
        if odd or negative:
            raise RecordError(f"`member` must be 1, 0 or unknown, and counts at least 0, but got {odd + negative[:3]}.")
        _check_agreement(self)

    def __len__(self) -> int:
        return len(self.names)

    def stamp(self, row: int) -> str:
        """What tells the images of a person from earlier ones."""
        return self.stamps[row] if self.stamps else ""

    def select(self, rows: Sequence[int]) -> Self:
        """The table of the given rows, in their order."""
        kept = list(rows)
        return replace(
            self,
            names=tuple(self.names[i] for i in kept),
            members=tuple(self.members[i] for i in kept),
            occurrences=tuple(self.occurrences[i] for i in kept),
            image_counts=tuple(self.image_counts[i] for i in kept),
            open_image=lambda row, image: self.open_image(kept[row], image),
            stamps=tuple(self.stamps[i] for i in kept) if self.stamps else (),
        )

    def digest(self) -> str:
        """SHA-256 of names, labels, occurrences and counts, independent of their order."""
        rows = sorted(zip(self.names, self.members, self.occurrences, self.image_counts, strict=True), key=str)
        return key_digest(rows)


def spelled(name: str) -> str:
    """A name with spaces for underscores, single spaces and composed accents: folders and tables spell differently.

    >>> spelled("Ana_Petrov ")
    'Ana Petrov'
    """
    return " ".join(unicodedata.normalize("NFC", name).replace("_", " ").split())


def name_key(name: str) -> str:
    """What names are compared by: neither case nor the kind of apostrophe makes another name.

    >>> name_key("Ana_O’Neil") == name_key("ana o'neil")
    True
    """
    return spelled(name).casefold().replace("’", "'")


def names_given_twice(names: Iterable[str]) -> list[str]:
    """Keys that several of some names share."""
    return [key for key, count in Counter(map(name_key, names)).items() if count > 1]


def check_unicode(texts: Sequence[str]) -> None:
    """Refuse halves of characters: of file names that are not UTF-8, and of captions that were cut amid one.

    Raises:
        RecordError: Naming some of them.
    """
    try:
        "".join(texts).encode()
    except UnicodeEncodeError:
        odd = [ascii(text) for text in texts if not text.isascii() and text != text.encode(errors="ignore").decode()]
        raise RecordError(
            f"Names, groups or captions hold characters that are not Unicode, e.g. {', '.join(odd[:3])}. Rename these "
            "files so that their names are UTF-8, e.g. with convmv, or mend the texts."
        ) from None


def taken(column: Sequence[Cell], rows: NDArray[np.int64]) -> tuple[Cell, ...]:
    """The cells of some rows."""
    return tuple(map(column.__getitem__, rows.tolist()))


def _odd(members: Iterable[object]) -> list[str]:
    """What labels no record."""
    return sorted({str(member) for member in members if member not in (MEMBER, NON_MEMBER, UNKNOWN)})


def _twice(names: Sequence[str], labelled: Iterable[tuple[str, int]]) -> str:
    labels = Counter(name for name, _ in labelled)
    torn = [name for name in names if labels[name] > 1]
    said = f"Record ids must be unique, but {len(names)} occur more than once, e.g. {names[:3]}"
    both = f"; {len(torn)} of them with different labels, e.g. {torn[:3]}" if torn else ""
    return f"{said}{both}. Name a column of unique ids, or delete the rows that say the same again or the opposite."


def _check_agreement(people: People) -> None:
    wrong = [
        name
        for name, member, count in zip(people.names, people.members, people.occurrences, strict=True)
        if count is not None and member != UNKNOWN and (count > 0) != (member == MEMBER)
    ]
    if wrong:
        raise RecordError(
            f"{len(wrong)} people are members without occurrences or non-members with some, e.g. {wrong[:3]}. Mend "
            "`member` or `occurrences`; leave what is unknown empty."
        )
