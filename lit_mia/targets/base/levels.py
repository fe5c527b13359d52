"""The abstract targets, one for each access level: text to image, image to image, noise prediction, embeddings."""

from abc import abstractmethod
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Self, TypeVar

import torch
from PIL import Image
from torch import Tensor

from lit_mia.batches import slices
from lit_mia.errors import TargetError
from lit_mia.models import Condition, Precision, Schedule, in_batches, resolve_device
from lit_mia.targets.base.target import AccessLevel, Answers, Target, check_arguments

Item = TypeVar("Item")


class GenerateTarget(Target):
    """A target that makes images from texts.

    Attributes:
        batch_size: How many images one call of `generate` or `stream` should be asked for; a target that streams, and
            bounds by itself how many it works on at once, takes many, so that it never waits for the slowest of a few.
    """

    offers = frozenset({AccessLevel.GENERATE})

    @property
    @abstractmethod
    def nfe_per_image(self) -> int:
        """Evaluations of the denoiser or decoder behind one image; 0 where the target does not tell."""

    @property
    def told_captions(self) -> bool:
        """Always: the captions are what it is asked."""
        return True

    def evaluations_behind(self, calls: int, images: int) -> int:
        """What the target tells of its images."""
        return images * self.nfe_per_image

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

    def stream(self, prompts: Sequence[str], seeds: Sequence[int]) -> Iterator[Answers]:
        """Draw one image per prompt, and give the answers as they come in, so that each can be stored at once.

        Args:
            prompts: The texts.
            seeds: One seed per text, in [0, 2^63).

        Yields:
            Every position of the batch exactly once, in any order and any parts.
        """
        for part in slices(len(prompts), self.batch_size):
            yield Answers(range(part.start, part.stop), self.generate(prompts[part], seeds[part]))


class VaryTarget(Target):
    """A target that makes variations of an image."""

    offers = frozenset({AccessLevel.VARY})

    @property
    def told_captions(self) -> bool:
        """A caption comes with each image; a target that makes no use of it says so."""
        return True

    @property
    @abstractmethod
    def image_size(self) -> int:
        """Side in pixels of the square images that the target takes."""

    def check_images(self, images: Tensor) -> None:
        """Refuse images that the target does not take.

        Raises:
            TargetError: If they are not uint8 `[b, 3, s, s]` of the target's own size.
        """
        size = self.image_size
        if images.dtype != torch.uint8 or images.ndim != 4 or images.shape[1:] != (3, size, size):
            raise TargetError(
                f"The target {self.name!r} takes uint8 RGB images [n, 3, {size}, {size}], but got {images.dtype} "
                f"{list(images.shape)}. Resize or convert the images."
            )

    @abstractmethod
    def vary(self, images: Tensor, captions: Sequence[str | None], seeds: Sequence[int]) -> Tensor:
        """One variation of each image, as an image API returns it.

        Args:
            images: uint8 `[b, 3, s, s]`.
            captions: The text of each image, or None.
            seeds: One seed per image, in [0, 2^63).

        Returns:
            uint8 `[b, 3, s, s]`.
        """

    def stream_vary(self, images: Tensor, captions: Sequence[str | None], seeds: Sequence[int]) -> Iterator[Answers]:
        """One variation of each image, given as they come in, so that each can be stored at once.

        Args:
            images: uint8 `[b, 3, s, s]`, any number.
            captions: The text of each image, or None.
            seeds: One seed per image, in [0, 2^63).

        Yields:
            Every position exactly once, in any order and any parts.
        """
        for part in slices(len(images), self.batch_size):
            yield Answers(range(part.start, part.stop), self.vary(images[part], captions[part], seeds[part]))


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
    def told_captions(self) -> bool:
        """As `needs_captions`."""
        return self.needs_captions

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


class EmbedTarget(Target):
    """A target whose image and text embeddings can be compared. The model is loaded when it is first used.

    Args:
        name: What logs and reports call it.
        batch_size: Images or texts per forward pass. It changes speed and memory, not the embeddings.
        device: `auto` (the accelerator if there is one, else the CPU) or a torch device such as `cuda:1`.
        dtype: Precision of the forward pass. Embeddings are float32 in any case.

    Raises:
        TargetError: If `batch_size` is not positive.
    """

    offers = frozenset({AccessLevel.EMBED})

    def __init__(self, name: str, batch_size: int, device: str, dtype: Precision) -> None:
        check_arguments(batch_size=batch_size, device=device)
        self.name = name
        self.batch_size, self.device, self.dtype = batch_size, device, dtype

    @property
    @abstractmethod
    def logit_scale(self) -> float:
        """What the model multiplies cosines with before its softmax."""

    @abstractmethod
    def untrained_twin(self) -> Self:
        """The same architecture with random weights, which has seen nobody."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What a report must say of this target, such as weights that do not fit the activation."""
        return ()

    @abstractmethod
    def too_long(self, texts: Sequence[str]) -> int:
        """How many of some texts the model does not read to their end."""

    def embed_images(self, images: Sequence[Image.Image]) -> Tensor:
        """Embed images, each of any size: the model's own preprocessing resizes and crops them.

        Args:
            images: RGB images, at least one.

        Returns:
            float32 `[n, d]` of length 1, on the CPU.

        Raises:
            TargetError: If the model cannot be loaded, or an embedding is not finite.
        """
        return self._embedded(self._encode_images, images)

    def embed_texts(self, texts: Sequence[str]) -> Tensor:
        """Embed texts; what is too long for the model is cut off.

        Args:
            texts: At least one.

        Returns:
            float32 `[n, d]` of length 1, on the CPU.

        Raises:
            TargetError: If the model cannot be loaded, or an embedding is not finite.
        """
        return self._embedded(self._encode_texts, texts)

    @abstractmethod
    def _encode_images(self, images: list[Image.Image]) -> Tensor:
        """Embed one batch of RGB images."""

    @abstractmethod
    def _encode_texts(self, texts: list[str]) -> Tensor:
        """Embed one batch."""

    def _embedded(self, encode: Callable[[list[Item]], Tensor], items: Sequence[Item]) -> Tensor:
        batches = (list(items[part]) for part in slices(len(items), self.batch_size))
        embeddings = in_batches(encode, batches, self._torch_device(), self.dtype)
        broken = int((~embeddings.isfinite().all(dim=-1)).sum())
        if broken:
            raise TargetError(
                f"{broken} of {len(embeddings)} embeddings of {self.name!r} are infinite or not a number. Use `dtype: "
                "float32`, or check the weights."
            )
        return torch.nn.functional.normalize(embeddings, dim=-1)

    def _torch_device(self) -> torch.device:
        return resolve_device(self.device)
