"""The vocabulary of everything else: records, and the batches that heads see."""

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from typing import Self

import torch
from PIL import Image
from torch import Tensor

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


@dataclass(frozen=True)
class PairBatch:
    """What a head sees of `b` records, each with `k` generated images.

    A field is None where no attack of the run needs it.

    Attributes:
        row: Row of each record in the record table, long `[b]`.
        member: 1, 0 or -1, long `[b]`.
        image: Query images x in [0, 1], `[b, 3, s, s]`.
        generated: Generated images x' in [0, 1], `[b, k, 3, s, s]`.
        image_embedding: E_I(x), `[b, d]`.
        generated_embedding: E_I(x'), `[b, k, d]`.
        text_embedding: E_T(t), `[b, e]`.
        residual: Residual map of a training-free attack, `[b, c, h, w]`.
    """

    row: Tensor
    member: Tensor
    image: Tensor | None = None
    generated: Tensor | None = None
    image_embedding: Tensor | None = None
    generated_embedding: Tensor | None = None
    text_embedding: Tensor | None = None
    residual: Tensor | None = None

    def __getitem__(self, name: str) -> Tensor:
        """A field that must be there.

        Raises:
            KeyError: If the datamodule left it out, which means that the head does not declare it in `inputs`.
        """
        value: Tensor | None = getattr(self, name)
        if value is None:
            raise KeyError(f"{name} is not in the batch; a head reads only what it declares in `inputs`.")
        return value

    def to(self, device: torch.device | str) -> Self:
        """The same batch on another device."""
        values: dict[str, Tensor | None] = {f.name: getattr(self, f.name) for f in fields(self)}
        return type(self)(**{name: value if value is None else value.to(device) for name, value in values.items()})  # type: ignore[arg-type]
