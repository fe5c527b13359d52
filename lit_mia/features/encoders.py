"""Encoders: third-party models of the attacker that turn images and texts into embeddings."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import ClassVar, TypeVar, final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lit_mia.batches import slices
from lit_mia.configured import Configured
from lit_mia.errors import EncoderError
from lit_mia.models import Precision as Precision
from lit_mia.models import in_batches, resolve_device
from lit_mia.ranges import at_least, check, no_device

SHARING_ENCODERS = "OpenClipEncoder, TransformersClipEncoder, TowersEncoder, BlipEncoder with `features: itc`"
"""The encoders whose images and texts share a space, for messages."""

Batch = TypeVar("Batch")


class Encoder(Configured, ABC):
    """Images and texts to embeddings. The model is loaded when it is first used.

    Args:
        model: Name, hub id, folder or file of the model, for reports.
        normalize: Whether embeddings are scaled to length 1.
        batch_size: Images or texts per forward pass. It changes speed and memory, not the embeddings.
        device: `auto` (the accelerator if there is one, else the CPU) or a torch device such as `cuda:1`.
        dtype: Precision of the forward pass. Embeddings are float32 in any case.

    Attributes:
        name: Class and model, for reports and messages.
        revision: Raised when the code makes other embeddings of the same images, so that kept ones are made anew.
        embeds_text: Whether it embeds texts as well as images; true but for an `ImageEncoder`.
        shares_space: Whether an image and a text embedding can be compared, as Attack III does.

    Raises:
        EncoderError: If `batch_size` is not positive, or there is no such kind of device.
    """

    revision: ClassVar[int] = 1
    embeds_text: ClassVar[bool] = True
    shares_space: bool

    def __init__(self, model: str, normalize: bool, batch_size: int, device: str, dtype: Precision) -> None:
        check(EncoderError, at_least(1)(batch_size=batch_size), no_device(device))
        self.name = f"{type(self).__name__} {model}"
        self.normalize = normalize
        self.batch_size = batch_size
        self.device = device
        self.dtype = dtype

    @property
    @abstractmethod
    def dimension(self) -> int:
        """Length of an image embedding. Reads the configuration of the model, not its weights.

        Raises:
            EncoderError: If the configuration cannot be read.
        """

    @abstractmethod
    def fingerprint(self) -> dict[str, object]:
        """Everything that changes an embedding, as JSON values: weights, versions, settings.

        Raises:
            EncoderError: If a local model is missing.
        """

    def check(self) -> None:
        """Look for the model without loading its weights.

        Raises:
            EncoderError: If it is missing, or its configuration cannot be read.
        """
        self.fingerprint()
        _ = self.dimension

    def embed_images(self, images: Tensor | NDArray[np.uint8]) -> Tensor:
        """Embed images.

        Args:
            images: uint8 `[n, 3, h, w]`, of any size: they are resized and cropped as the model expects.

        Returns:
            float32 `[n, d]`, on the CPU.

        Raises:
            EncoderError: If the model cannot be loaded.
        """
        batches = image_batches(images, self.batch_size)
        return self._run(self._encode_images, (batch.to(self._torch_device()) for batch in batches))

    def embed_texts(self, texts: Sequence[str]) -> Tensor:
        """Embed texts.

        Args:
            texts: What to embed; the model cuts off what is too long for it.

        Returns:
            float32 `[n, e]`, on the CPU.

        Raises:
            EncoderError: If the model cannot be loaded, or embeds images alone.
        """
        return self._run(self._encode_texts, (list(texts[part]) for part in slices(len(texts), self.batch_size)))

    @abstractmethod
    def _encode_images(self, images: Tensor) -> Tensor:
        """Embed one batch, uint8 `[b, 3, h, w]`, on the device of the model."""

    @abstractmethod
    def _encode_texts(self, texts: list[str]) -> Tensor:
        """Embed one batch."""

    def _torch_device(self) -> torch.device:
        return resolve_device(self.device)

    def _run(self, encode: Callable[[Batch], Tensor], batches: Iterable[Batch]) -> Tensor:
        embeddings = in_batches(encode, batches, self._torch_device(), self.dtype)
        return torch.nn.functional.normalize(embeddings, dim=-1) if self.normalize else embeddings


class ImageEncoder(Encoder, ABC):
    """An encoder of images alone: there are no text embeddings to compare with."""

    embeds_text = False
    shares_space = False

    @final
    def _encode_texts(self, texts: list[str]) -> Tensor:
        raise EncoderError(f"{self.name} embeds images alone. Encoders of images and texts: {SHARING_ENCODERS}.")


def image_batches(images: Tensor | NDArray[np.uint8], batch_size: int) -> Iterator[Tensor]:
    """Images `[n, 3, h, w]` as tensors of at most `batch_size`."""
    for batch in (images[part] for part in slices(len(images), batch_size)):
        yield batch if isinstance(batch, Tensor) else torch.tensor(batch)


def standardize(images: Tensor, mean: Sequence[float], std: Sequence[float]) -> Tensor:
    """Scale a batch as a vision model expects.

    Args:
        images: uint8 `[b, 3, h, w]`.
        mean: Mean of each channel, for values in [0, 1].
        std: Standard deviation of each channel, for values in [0, 1].

    Returns:
        float32 `[b, 3, h, w]`.
    """
    centre, scale = (torch.tensor(values, device=images.device).view(3, 1, 1) for values in (mean, std))
    return (images.float() / 255 - centre) / scale
