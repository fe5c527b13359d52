"""An image that the target makes of a caption."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor

from lit_mia.queries.generate import GenerateQuery
from lit_mia.queries.kept import kept_answers
from lit_mia.queries.requests.drawing import Drawing
from lit_mia.queries.subject import Subject
from lit_mia.targets.base import AccessLevel, Answers, GenerateTarget


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

        def ask(queries: Sequence[GenerateQuery]) -> Iterator[Answers]:
            return target.stream([query.prompt for query in queries], [query.seed for query in queries])

        return kept_answers(subject.kept, [GenerateQuery(*row) for row in rows], ask)

    def rehearse(self, subject: Subject) -> Tensor:
        """Black images of the records' size."""
        return torch.full_like(subject.pixels, -1)
