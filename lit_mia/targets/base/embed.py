"""What a target is that embeds images and texts in one space, as CLIP does."""

from abc import abstractmethod
from collections.abc import Callable, Sequence
from typing import Self, TypeVar

import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from lit_mia.batches import slices
from lit_mia.errors import TargetError
from lit_mia.models import Precision, in_batches, resolve_device
from lit_mia.targets.base.target import AccessLevel, Target, check_arguments

Item = TypeVar("Item")


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
        check_arguments(batch_size=batch_size)
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
        return F.normalize(embeddings, dim=-1)

    def _torch_device(self) -> torch.device:
        return resolve_device(self.device)
