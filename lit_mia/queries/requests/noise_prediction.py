"""A request for predicted noise."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self, final

import torch
from torch import Tensor

from lit_mia.batches import slices
from lit_mia.models import Condition
from lit_mia.queries.requests.base import Answer, Request, Subject
from lit_mia.targets.base import AccessLevel


@final
@dataclass(frozen=True, eq=False)
class NoisePrediction(Request):
    """A request for ε(x, t) of `b` records.

    Two are equal if timestep, condition and input agree bit by bit, so sharing changes scores by no more than the
    rounding of other batches.

    Attributes:
        x: `[b, c, h, w]` in the denoiser's space.
        t: Timestep.
        condition: What the denoiser is told, such as `Subject.condition`.
    """

    level = AccessLevel.DENOISE

    x: Tensor
    t: int
    condition: Condition

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, NoisePrediction)
            and self.t == other.t
            and self.condition is other.condition
            and (self.x is other.x or torch.equal(self.x, other.x))
        )

    def __hash__(self) -> int:
        return hash((self.t, id(self.condition), float(self.x.sum())))

    @classmethod
    def answer(cls, subject: Subject, requests: Sequence[Self]) -> list[Answer]:
        """All predictions of a round, cut into the batches that the denoiser likes best."""
        target, b = subject.denoiser, len(subject.ids)
        x = torch.cat([request.x for request in requests])
        t = torch.tensor([request.t for request in requests]).repeat_interleave(b)
        condition = Condition.join([request.condition for request in requests])
        parts = slices(len(x), target.batch_size)
        noise = torch.cat([target.predict_noise(x[part], t[part], condition.rows(part)) for part in parts])
        return [Answer(values) for values in torch.split(noise, b)]

    def rehearse(self, subject: Subject) -> Tensor:
        """Random noise."""
        return torch.randn_like(self.x)
