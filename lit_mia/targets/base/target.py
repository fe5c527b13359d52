"""What a target is: a model under audit behind an access level."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import ClassVar

from torch import Tensor

from lit_mia.errors import TargetError
from lit_mia.models.digest import Fingerprint


class AccessLevel(StrEnum):
    """What may be asked of a target; an attack declares the level that it needs."""

    GENERATE = "generate"
    """Text to image."""
    VARY = "vary"
    """Image to image."""
    DENOISE = "denoise"
    """The predicted noise at any timestep."""
    EMBED = "embed"
    """The similarity of an image and a text."""


@dataclass(frozen=True)
class Answers:
    """Some answers of a target to a batch of queries.

    Attributes:
        rows: Positions in the batch of what was answered with an image.
        images: Their images in that order, uint8 `[len(rows), 3, h, w]` on the CPU.
        refused: Position and reason of what the target refuses to answer, such as a moderation filter's; these are
            missing observations, never scored.
    """

    rows: Sequence[int]
    images: Tensor
    refused: Mapping[int, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Charges:
    """Images asked of a target in requests that are or may be paid, and their price when they were asked.

    Attributes:
        confirmed: Images asked for in requests that were answered, or refused by a moderation filter.
        uncertain: Images asked for in requests of unknown outcome (time-outs, broken answers): the provider may have
            charged them, so they count against every budget.
        confirmed_money: Price of the confirmed ones.
        uncertain_money: Price of the uncertain ones.
    """

    confirmed: int = 0
    uncertain: int = 0
    confirmed_money: float = 0.0
    uncertain_money: float = 0.0

    @property
    def images(self) -> int:
        """All images asked for."""
        return self.confirmed + self.uncertain

    @property
    def money(self) -> float:
        """The price of all."""
        return self.confirmed_money + self.uncertain_money


class Target(ABC):
    """A model under audit.

    Attributes:
        name: What logs and reports call this target.
        offers: The access levels at which this kind of target answers.
        remote: Whether an answer cannot be had again for nothing, so that each is stored before it is used.
        price_per_image: Money per image that the target makes, in whatever currency the caller counts.
    """

    name: str
    offers: ClassVar[frozenset[AccessLevel]]
    remote: ClassVar[bool] = False
    price_per_image: float = 0.0

    @abstractmethod
    def fingerprint(self) -> Fingerprint:
        """Everything that changes an answer, except the prompt and the seed.

        Two targets with equal fingerprints share a store. It must not need the model itself, so that a run whose
        answers are all stored never loads it.
        """

    def keep_accounts(self, folder: Path) -> None:  # noqa: B027 (most targets cost nothing)
        """Keep what is paid in a folder that outlives this process; a target without a price keeps nothing.

        Args:
            folder: The folder of the store that the answers go to.
        """

    def charges(self, own: bool = False) -> Charges:
        """What was paid so far, in all runs that kept their accounts in the same folder.

        Args:
            own: Count only what this object asked, not other processes or earlier runs.
        """
        return Charges()

    def require(self, level: AccessLevel) -> None:
        """Refuse an attack that this target cannot serve, before any query.

        Raises:
            TargetError: If the level is not offered.
        """
        if level not in self.offers:
            offered = ", ".join(sorted(self.offers))
            raise TargetError(
                f"The target {self.name!r} does not offer the access level '{level}'; it offers: {offered}. "
                "Choose attacks that need no more than that, or another target."
            )
