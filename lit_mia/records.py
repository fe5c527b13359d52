"""The vocabulary of everything else: records."""

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Self

from PIL import Image

from lit_mia.errors import RecordError

MEMBER, NON_MEMBER, UNKNOWN = 1, 0, -1


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
    """

    ids: tuple[str, ...]
    captions: tuple[str | None, ...]
    members: tuple[int, ...]
    groups: tuple[str, ...]
    open_image: Callable[[int], Image.Image]
    stamps: tuple[str, ...]

    def __post_init__(self) -> None:
        """Check the columns.

        Raises:
            RecordError: If columns differ in length, an id occurs twice or a label is not 1, 0 or -1.
        """
        columns = (self.ids, self.captions, self.members, self.groups, self.stamps)
        lengths = {len(column) for column in columns}
        if len(lengths) != 1:
            raise RecordError(f"The columns of a record table must have one length, but have {sorted(lengths)}.")
        twice = [name for name, count in Counter(self.ids).items() if count > 1]
        if twice:
            raise RecordError(f"Record ids must be unique, but {len(twice)} occur more than once, e.g. {twice[:3]}.")
        odd = sorted({str(m) for m in self.members if m not in (MEMBER, NON_MEMBER, UNKNOWN)})
        if odd:
            raise RecordError(f"`member` must be 1, 0 or unknown, but the records also hold {odd[:5]}.")

    def __len__(self) -> int:
        return len(self.ids)

    def select(self, rows: Sequence[int]) -> Self:
        """The table of the given rows, in their order."""
        kept = list(rows)
        return replace(
            self,
            ids=tuple(self.ids[i] for i in kept),
            captions=tuple(self.captions[i] for i in kept),
            members=tuple(self.members[i] for i in kept),
            groups=tuple(self.groups[i] for i in kept),
            open_image=lambda row: self.open_image(kept[row]),
            stamps=tuple(self.stamps[i] for i in kept),
        )

    def digest(self) -> str:
        """SHA-256 of ids, labels and groups, independent of their order."""
        rows = sorted(zip(self.ids, self.members, self.groups, strict=True))
        return hashlib.sha256(json.dumps(rows).encode()).hexdigest()

    def images_digest(self) -> str:
        """SHA-256 of the stamps in their order: what is computed from the images is kept under it, not under ids."""
        return hashlib.sha256(json.dumps(self.stamps).encode()).hexdigest()
