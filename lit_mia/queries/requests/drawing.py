"""Requests for images made of captions."""

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Self, final

import torch
from torch import Tensor

from lit_mia.queries.generate import GenerateQuery
from lit_mia.queries.requests.base import Answer, Request, Subject
from lit_mia.queries.requests.kept import kept_answers
from lit_mia.targets.base import AccessLevel, Answers, GenerateTarget


@dataclass(frozen=True)
class Drawing(Request):
    """A request for an image that the target makes for each record: in [−1, 1], from integer pixels, `[b, 3, h, w]`.

    The image of a record that is refused one is grey.

    Attributes:
        index: Number of the image among those of a record, from which its seed is drawn.
    """

    makes_image = True

    index: int

    @classmethod
    @abstractmethod
    def stream(cls, subject: Subject, times: int, seeds: Sequence[int]) -> Iterator[Answers]:
        """Draw images for all records, again and again, and give them as they come in.

        Args:
            subject: The `b` records.
            times: How often.
            seeds: One seed per image, `times · b`.

        Yields:
            Every position exactly once.
        """

    @classmethod
    def answer(cls, subject: Subject, requests: Sequence[Self]) -> list[Answer]:
        """The images of all requests together."""
        b, n, refused = len(subject.ids), len(requests), set[int]()
        seeds = [seed for request in requests for seed in subject.seeds(cls.level, request.index)]
        images = subject.pixels.new_zeros(n * b, *subject.images.shape[1:])
        for part in cls.stream(subject, n, seeds):
            refused.update(part.refused)
            if part.rows:
                if images.shape[1:] != part.images.shape[1:]:  # generated at the target's own size
                    images = images.new_zeros(len(images), *part.images.shape[1:])
                images[list(part.rows)] = part.images.to(images) / 127.5 - 1
        gone = [[row - i * b for row in sorted(refused) if row // b == i] for i in range(n)]
        return [Answer(values, rows) for values, rows in zip(torch.split(images, b), gone, strict=True)]


@final
@dataclass(frozen=True)
class Generation(Drawing):
    """A request for image number `index` that the target makes of each record's caption, at its own size."""

    level = AccessLevel.GENERATE

    @classmethod
    def stream(cls, subject: Subject, times: int, seeds: Sequence[int]) -> Iterator[Answers]:
        """One image for each caption, from the store or from the target."""
        target = GenerateTarget.of(subject.target)
        prompts = [str(caption) for caption in subject.captions]
        rows = zip(subject.ids * times, prompts * times, seeds, strict=True)
        return kept_answers(
            subject.kept,
            [GenerateQuery(*row) for row in rows],
            lambda queries: target.stream([query.prompt for query in queries], [query.seed for query in queries]),
        )

    def rehearse(self, subject: Subject) -> Tensor:
        """Black images of the records' size."""
        return torch.full_like(subject.pixels, -1)
