"""Requests for variations of an image."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor

from lit_mia.files import key_digest
from lit_mia.queries.requests.base import Subject
from lit_mia.queries.requests.drawing import Drawing
from lit_mia.queries.requests.kept import kept_answers
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
        return key_digest([pixels, self.prompt, self.seed])


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
        return kept_answers(
            subject.kept,
            [VariationQuery(*row) for row in rows],
            lambda queries: target.stream_vary(
                torch.stack([query.image for query in queries]),
                [query.caption for query in queries],
                [query.seed for query in queries],
            ),
        )

    def rehearse(self, subject: Subject) -> Tensor:
        """The images themselves."""
        return subject.pixels
