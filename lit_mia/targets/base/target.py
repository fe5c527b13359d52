"""What a target is: a model under audit behind an access level."""

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import ClassVar, Self

from torch import Tensor

from lit_mia.configured import Configured
from lit_mia.errors import RecordError, TargetError
from lit_mia.models import Fingerprint
from lit_mia.ranges import at_least, check, no_device


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
        refused: Position and reason of what the target refuses to answer, such as a moderation filter's, or has no
            image for however often it is asked; these are missing observations, never scored.
    """

    rows: Sequence[int]
    images: Tensor
    refused: Mapping[int, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Charges:
    """Images asked of a target in requests that are or may be paid, and their price when they were asked.

    Attributes:
        confirmed: Images asked for in requests that were answered, or refused by a moderation filter.
        uncertain: Images asked for in requests of unknown outcome (time-outs, answers that are broken, empty or of no
            use): the provider may have charged them, so they count against every budget.
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


class Target(Configured, ABC):
    """A model under audit.

    Attributes:
        name: What logs and reports call this target.
        offers: The access levels at which this kind of target answers.
        batch_size: How much one call should be given.
        nfe: Denoiser evaluations so far, of a target that counts them itself.
        remote: Whether an answer cannot be had again for nothing, so that each is stored before it is used.
        price_per_image: Money per image that the target makes, in whatever currency the caller counts.
        device: Where it runs: a torch device, or `auto`; no matter for a target elsewhere.
        truncated: Captions so far that were too long for it, so that it did not see their end.
    """

    name: str
    offers: ClassVar[frozenset[AccessLevel]]
    batch_size: int
    nfe: int | None = None
    remote: ClassVar[bool] = False
    price_per_image: float = 0.0
    device: str = "auto"
    truncated: int = 0

    @classmethod
    def of(cls, target: "Target") -> Self:
        """A target that is known to be of this kind, as one of this kind.

        Raises:
            TypeError: If it is not.
        """
        if not isinstance(target, cls):
            raise TypeError(f"{type(target).__name__} is no {cls.__name__}; `Target.require` refuses it earlier.")
        return target

    @abstractmethod
    def fingerprint(self) -> Fingerprint:
        """Everything that changes an answer, except the prompt and the seed.

        Two targets with equal fingerprints share a store. It must not need the model itself, so that a run whose
        answers are all stored never loads it. What tells the model from others is called `weights` (or `lora`, or
        `base_url` and `model` of a served one), by which a placebo is compared; all else is how it is asked.
        """

    def before_adapter(self) -> "Target | None":
        """The same model without its adapter: what it was fine-tuned from; None where no adapter can be taken off.

        It is asked in the same way, and has the fingerprint of the base that is loaded alone and asked so.
        """
        return None

    @property
    def facts(self) -> Fingerprint:
        """What a report tells of it beside its fingerprint, by name."""
        return {}

    @property
    def image_size(self) -> int | None:
        """Side in pixels of the square images that it takes; None where it takes none."""
        return None

    @property
    def is_latent(self) -> bool:
        """Whether it works on the latents of an autoencoder that may be asked."""
        return False

    @property
    def needs_captions(self) -> bool:
        """Whether it is set to be told the caption of a record."""
        return False

    @property
    def told_captions(self) -> bool:
        """Whether it is told the caption of a record, where there is one."""
        return self.needs_captions

    def evaluations_behind(self, calls: int, images: int) -> int:
        """Evaluations of the denoiser or decoder behind some queries; 0 where the target does not tell.

        Args:
            calls: How often it is asked for something else than an image.
            images: How many images it is asked for.
        """
        return 0

    def keep_accounts(self, folder: Path) -> None:
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
            raise TargetError(
                f"The target {self.name!r} does not offer the access level '{level}'; it offers: "
                f"{', '.join(sorted(self.offers))}. Choose attacks that need no more than that, or another target."
            )

    def check_kind(self) -> None:
        """Refuse a model of a kind that cannot be asked so, which is looked at, and loaded where its files do not tell.

        Raises:
            TargetError: Why it cannot.
        """

    def check_use(self, levels: Collection[AccessLevel], timestep: int, image_size: int) -> None:
        """Refuse what could only fail after the first query.

        Args:
            levels: What will be asked; all of it is offered.
            timestep: The highest timestep that will be asked about.
            image_size: Side in pixels of the records.

        Raises:
            TargetError: If the settings of the target do not allow it.
            RecordError: If it takes images of another size.
        """
        if self.image_size not in (None, image_size):
            raise RecordError(
                f"The target {self.name!r} takes images of {self.image_size} pixels, but `image_size` is {image_size}."
            )


def check_arguments(
    *mistakes: str, guidance: float | None = None, device: str = "auto", **at_least_one: int | None
) -> None:
    """Refuse settings out of range.

    Args:
        *mistakes: What is wrong already, in words.
        guidance: Scale of classifier-free guidance, at least 0, or None.
        device: Where it runs.
        **at_least_one: Settings that must be at least 1, or None.

    Raises:
        TargetError: Naming every mistake.
    """
    check(TargetError, at_least(1)(**at_least_one), mistakes, at_least(0)(guidance=guidance), no_device(device))
