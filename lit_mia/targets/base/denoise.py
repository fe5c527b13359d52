"""Targets whose noise prediction can be asked."""

from abc import abstractmethod
from collections.abc import Collection, Sequence

from torch import Tensor

from lit_mia.models.condition import Condition
from lit_mia.models.schedule import Schedule
from lit_mia.targets.base.target import AccessLevel
from lit_mia.targets.base.vary import VaryTarget


class DenoiseTarget(VaryTarget):
    """A target whose noise prediction can be asked at any timestep.

    Images live in the denoiser's space: pixels in [−1, 1], or latents scaled as in training.

    Attributes:
        nfe: Denoiser evaluations so far, counted at the network: a record counts once, twice under guidance.
    """

    offers = frozenset({AccessLevel.DENOISE, AccessLevel.VARY})
    nfe: int

    @property
    @abstractmethod
    def schedule(self) -> Schedule:
        """The noise schedule of its training."""

    @property
    @abstractmethod
    def is_latent(self) -> bool:
        """Whether the denoiser works on the latents of an autoencoder."""

    @property
    @abstractmethod
    def needs_captions(self) -> bool:
        """Whether the target is set to be told the caption of a record."""

    @property
    @abstractmethod
    def evaluations_per_call(self) -> int:
        """Network evaluations behind one noise prediction: 2 under guidance, else 1."""

    @property
    @abstractmethod
    def evaluations_per_variation(self) -> int:
        """Network evaluations behind one variation."""

    def evaluations_behind(self, calls: int, images: int) -> int:
        """Network evaluations behind noise predictions and variations."""
        return calls * self.evaluations_per_call + images * self.evaluations_per_variation

    def check_use(self, levels: Collection[AccessLevel], timestep: int, image_size: int) -> None:
        """Refuse timesteps outside the schedule, and variations that would fail; see `Target`."""
        self.schedule.check(timestep)
        if AccessLevel.VARY in levels:
            self.check_variation()
        super().check_use(levels, timestep, image_size)

    @abstractmethod
    def check_variation(self) -> None:
        """Refuse settings with which `vary` would fail.

        Raises:
            TargetError: If the way back does not fit the schedule.
        """

    @abstractmethod
    def encode(self, images: Tensor, seeds: Sequence[int], sample: bool = False) -> Tensor:
        """Images to the denoiser's space.

        Args:
            images: uint8 `[b, 3, s, s]` of the target's own size.
            seeds: One seed per image, for draws of the autoencoder's posterior.
            sample: Draw from the posterior, whatever the target is set to.

        Returns:
            `[b, c, h, w]`.

        Raises:
            TargetError: If the images are not of that form.
        """

    @abstractmethod
    def decode(self, x: Tensor) -> Tensor:
        """From the denoiser's space `[b, c, h, w]` to images in [−1, 1], `[b, 3, s, s]`, not clipped."""

    @abstractmethod
    def condition(self, captions: Sequence[str | None]) -> Condition:
        """What the denoiser is told about records with these captions; None is the empty caption.

        Raises:
            TargetError: If the denoiser takes no captions, or not these.
        """

    @abstractmethod
    def reduced_condition(self, captions: Sequence[str], share: float) -> Condition:
        """The condition of captions without the given share of their most important words.

        Raises:
            TargetError: If the denoiser takes no captions.
        """

    @abstractmethod
    def predict_noise(self, x: Tensor, t: Tensor, condition: Condition) -> Tensor:
        """ε(x_t, t), whatever the network itself predicts.

        Args:
            x: `[b, c, h, w]`.
            t: Timesteps, long `[b]`.
            condition: What `condition` returned, `b` rows.

        Returns:
            `[b, c, h, w]`, of the type of `x`.
        """
