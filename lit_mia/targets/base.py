"""What a target is: a model under audit behind an access level."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from enum import StrEnum
from typing import ClassVar

from torch import Tensor

from lit_mia.errors import TargetError

FingerprintValue = str | int | float | bool | None
Fingerprint = dict[str, FingerprintValue]


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


class Target(ABC):
    """A model under audit.

    Attributes:
        offers: The access levels at which this kind of target answers.
    """

    offers: ClassVar[frozenset[AccessLevel]]

    @property
    @abstractmethod
    def name(self) -> str:
        """What logs and reports call this target."""

    @abstractmethod
    def fingerprint(self) -> Fingerprint:
        """Everything that changes an answer, except the prompt and the seed.

        Two targets with equal fingerprints share a store. It must not need the model itself, so that a run whose
        answers are all stored never loads it.
        """

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


class GenerateTarget(Target):
    """A target that makes images from texts.

    Attributes:
        batch_size: How many images one call of `generate` should be asked for.
        price_per_image: Money per generated image, in whatever currency the caller counts.
    """

    offers = frozenset({AccessLevel.GENERATE})
    batch_size: int
    price_per_image: float = 0.0

    @property
    @abstractmethod
    def nfe_per_image(self) -> int:
        """Denoiser evaluations behind one image; 0 where the target does not tell."""

    @abstractmethod
    def generate(self, prompts: Sequence[str], seeds: Sequence[int]) -> Tensor:
        """Draw one image per prompt.

        The image of a prompt and a seed must not depend on the other members of the batch (up to a rounding step of
        a pixel), because the store keeps it as the one answer to that query.

        Args:
            prompts: The texts.
            seeds: One seed per text, in [0, 2^63).

        Returns:
            Images, uint8 `[n, 3, h, w]` on the CPU.
        """
