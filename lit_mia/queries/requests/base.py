"""What attacks and the pass say to each other: the records, requests about them, answers, and in the end a finding."""

from abc import ABC, abstractmethod
from collections.abc import Generator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import ClassVar, Self, final

from torch import Tensor

from lit_mia.models import Condition
from lit_mia.models.draws import normal
from lit_mia.models.schedule import Schedule
from lit_mia.queries.generate import record_seed
from lit_mia.queries.store import Store
from lit_mia.targets.base import AccessLevel, DenoiseTarget, Target


@final
@dataclass(frozen=True, eq=False)
class Subject:
    """A batch of records under question, as an attack sees it.

    Attributes:
        target: The target.
        ids: Their ids, from which their noise is drawn.
        images: uint8 `[b, 3, s, s]`.
        captions: Their captions.
        seed: Seed of the audit.
        kept: Where the images that a remote target makes are stored before they are used.
    """

    target: Target
    ids: tuple[str, ...]
    images: Tensor
    captions: tuple[str | None, ...]
    seed: int = 0
    kept: Store | None = None
    _noise: dict[int, Tensor] = field(default_factory=dict, repr=False)
    _reduced: dict[float, Condition] = field(default_factory=dict, repr=False)

    @property
    def denoiser(self) -> DenoiseTarget:
        """The target, for attacks of the level `denoise`."""
        return DenoiseTarget.of(self.target)

    @property
    def schedule(self) -> Schedule:
        """The denoiser's noise schedule."""
        return self.denoiser.schedule

    @cached_property
    def pixels(self) -> Tensor:
        """The images in [−1, 1], in the number format and on the device of the denoiser if there is one."""
        if AccessLevel.DENOISE in self.target.offers:
            return self.images.to(self.x0) / 127.5 - 1
        return self.images.float() / 127.5 - 1

    @cached_property
    def x0(self) -> Tensor:
        """The clean records in the denoiser's space, `[b, c, h, w]`."""
        return self.denoiser.encode(self.images, self.seeds("encode", 0))

    @property
    def condition(self) -> Condition:
        """What the target is told by default: the caption, or nothing."""
        return self.caption_condition if self.target.needs_captions else self.empty_condition

    @cached_property
    def caption_condition(self) -> Condition:
        """The records' captions."""
        return self.denoiser.condition(self.captions)

    @cached_property
    def empty_condition(self) -> Condition:
        """The empty caption."""
        return self.denoiser.condition([None] * len(self.ids))

    def reduced_condition(self, share: float) -> Condition:
        """The captions without a share of their most important words."""
        if share not in self._reduced:
            self._reduced[share] = self.denoiser.reduced_condition([str(c) for c in self.captions], share)
        return self._reduced[share]

    def seeds(self, purpose: str, index: int) -> list[int]:
        """One seed per record, in [0, 2^63), for one purpose and draw."""
        return [record_seed(self.seed, f"{purpose}/{name}", index) for name in self.ids]

    def noise(self, draw: int) -> Tensor:
        """Standard normal noise of the shape of x_0; a record's draw depends on nothing but seed, id and number."""
        if draw not in self._noise:
            self._noise[draw] = normal(self.x0.shape[1:], self.seeds("noise", draw)).to(self.x0)
        return self._noise[draw]

    def common_noise(self, draw: int) -> Tensor:
        """The same, but one draw for all records, which depends on nothing but seed and number."""
        one = normal(self.x0.shape[1:], [record_seed(self.seed, "common noise", draw)])
        return one.to(self.x0).expand_as(self.x0)

    def noised(self, t: int, draw: int) -> Tensor:
        """x_t with noise number `draw`."""
        return self.schedule.noised(self.x0, self.noise(draw), t)

    def drawn(self, draw: int) -> Tensor:
        """The clean records as a draw of the autoencoder's posterior; x_0 itself for a target without one."""
        return self.denoiser.encode(self.images, self.seeds("encode", draw), sample=True)


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
