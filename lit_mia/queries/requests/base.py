"""What attacks and the pass say to each other: requests, answers, and in the end a finding."""

from abc import ABC, abstractmethod
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

from torch import Tensor

from lit_mia.queries.subject import Subject
from lit_mia.targets.base import AccessLevel


@dataclass(frozen=True, eq=False)
class Answer:
    """The answer to a request about `b` records.

    Attributes:
        values: What was asked for, `[b, ...]`.
        refused: Positions of the records for which the target refused it; their values mean nothing.
    """

    values: Tensor
    refused: Sequence[int] = ()


class Request(ABC):
    """Something that an attack asks about each of `b` records.

    Of requests that are equal, by `==` and `hash`, a pass asks one.

    Attributes:
        level: The access level that it needs.
        makes_image: Whether it costs one image of the target, or else one evaluation of its denoiser.
    """

    level: ClassVar[AccessLevel]
    makes_image: ClassVar[bool] = False

    @classmethod
    @abstractmethod
    def answer(cls, subject: Subject, requests: Sequence[Self]) -> list[Answer]:
        """Ask the target.

        Args:
            subject: The records.
            requests: All requests of this kind in a round, no two of them equal, at least one.

        Returns:
            One answer for each request.
        """

    @abstractmethod
    def rehearse(self, subject: Subject) -> Tensor:
        """Values of the form of an answer's, without asking the target."""


@dataclass(frozen=True, eq=False)
class Finding:
    """What an attack found out about `b` records.

    Attributes:
        statistic: Higher for members, `[b]`; or components `[b, m]` that `StatisticAttack.combine` makes one.
        residual: A non-negative map of what the statistic sums up, `[b, c, h, w]`.
        pair: The image and its reconstruction, where the attack compares two, each `[b, c, h, w]`.
    """

    statistic: Tensor
    residual: Tensor
    pair: tuple[Tensor, Tensor] | None = None


Steps = Generator[Sequence[Request], list[Tensor], Finding]
"""An attack on a batch of records: it yields lists of requests, is sent the values of the answers, and returns."""
