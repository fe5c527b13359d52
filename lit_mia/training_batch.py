"""What a step of the training of a target is given."""

from typing import Any, NamedTuple, Protocol, runtime_checkable

import torch
from torch import Tensor


class TrainingBatch(NamedTuple):
    """Some records that a target is trained on, or that are held out of it.

    Attributes:
        images: uint8 `[b, 3, s, s]`, or `[0]` where all that is needed of them is in `parts`.
        captions: A text each; empty texts where the target reads none.
        parts: What the frozen networks of the training made of images and captions, by name, each `[b, ...]`; empty
            until they did.
    """

    images: Tensor
    captions: list[str]
    parts: dict[str, Tensor]


class ProbeBatch(NamedTuple):
    """Records that a training is watched on.

    Attributes:
        batch: Images, captions and encoded parts; of a module of another kind, whatever its losses are computed from.
        ids: Their names.
        groups: Their groups.
    """

    batch: Any
    ids: tuple[str, ...]
    groups: tuple[str, ...]


@runtime_checkable
class ReadsRecords(Protocol):
    """What the training of a target says of the records that it needs.

    Attributes:
        needs_captions: Whether the target reads captions.
    """

    needs_captions: bool

    @property
    def device(self) -> torch.device:
        """Where the training runs."""

    @property
    def image_size(self) -> int:
        """Side in pixels of the images."""

    @property
    def batches_done(self) -> int:
        """Batches that were trained on so far, also before a resume."""

    def encoded(self, batch: TrainingBatch) -> TrainingBatch:
        """The batch with its parts."""
