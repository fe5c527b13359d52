"""An image that the target makes of an image."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor

from lit_mia.queries.kept import kept_answers
from lit_mia.queries.requests.drawing import Drawing
from lit_mia.queries.subject import Subject
from lit_mia.targets.base import AccessLevel, Answers, VaryTarget


@final
@dataclass(frozen=True)
class VariationQuery:
    """A request for one variation of an image.

    Attributes:
        record_id: The record that it is made for; not part of what is asked.
        image: The image, uint8 `[3, s, s]`.
        caption: Its caption, or None.
        seed: The seed of the variation.
    """

    record_id: str
    image: Tensor
    caption: str | None
    seed: int

    @property
    def prompt(self) -> str:
        """The caption, or the empty text."""
        return self.caption or ""

    @property
    def key(self) -> str:
        """What the answer is found by in the store: SHA-256 of image, caption and seed."""
        pixels = hashlib.sha256(self.image.numpy().tobytes()).hexdigest()
        return hashlib.sha256(json.dumps([pixels, self.prompt, self.seed]).encode()).hexdigest()


@final
@dataclass(frozen=True)
class Variation(Drawing):
    """A request for variation number `index` of each record."""

    level = AccessLevel.VARY

    @classmethod
    def stream(cls, subject: Subject, times: int, seeds: Sequence[int]) -> Iterator[Answers]:
        """One variation of each image, from the store or from the target."""
        target = VaryTarget.of(subject.target)
        rows = zip(subject.ids * times, [*subject.images] * times, subject.captions * times, seeds, strict=True)

        def ask(queries: Sequence[VariationQuery]) -> Iterator[Answers]:
            images = torch.stack([query.image for query in queries])
            return target.stream_vary(images, [query.caption for query in queries], [query.seed for query in queries])

        return kept_answers(subject.kept, [VariationQuery(*row) for row in rows], ask)

    def rehearse(self, subject: Subject) -> Tensor:
        """The images themselves."""
        return subject.pixels
