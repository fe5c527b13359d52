"""What a step of the training of a target is given."""

from typing import NamedTuple

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
