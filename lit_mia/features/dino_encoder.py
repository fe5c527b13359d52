"""DINO of transformers as an encoder of images."""

from functools import cached_property
from typing import Any, final

from torch import Tensor

from lit_mia.errors import EncoderError
from lit_mia.features.encoders import ImageEncoder, Precision
from lit_mia.models.pretrained import Pretrained


@final
class DinoEncoder(ImageEncoder):
    """A DINOv2 (Oquab et al., arXiv 2304.07193) or DINOv3 (arXiv 2508.10104) of transformers.

    The embedding is the class token after the last normalisation, or the pooled map of a ConvNeXt.

    Args:
        path: A hub id or a folder made by `save_pretrained`, with image processor.
        normalize: Whether embeddings are scaled to length 1.
        batch_size: Images per forward pass. It changes speed and memory, not the embeddings.
        device: `auto` (the accelerator if there is one, else the CPU) or a torch device such as `cuda:1`.
        dtype: Precision of the forward pass. Embeddings are float32 in any case.
    """

    def __init__(
        self,
        path: str = "facebook/dinov2-base",
        normalize: bool = False,
        batch_size: int = 64,
        device: str = "auto",
        dtype: Precision = "float32",
    ) -> None:
        super().__init__(path, normalize, batch_size, device, dtype)
        families = ("dinov2", "dinov2_with_registers", "dinov3_vit", "dinov3_convnext")
        self._files = Pretrained(path, families, EncoderError)

    @property
    def dimension(self) -> int:
        """Length of an embedding."""
        config = self._files.config
        return int(config.hidden_sizes[-1] if config.model_type == "dinov3_convnext" else config.hidden_size)

    def fingerprint(self) -> dict[str, object]:
        """Hash of the folder if it is local, else the hub id and its commit; version of transformers; settings."""
        return {"encoder": "dino", **self._files.identity, "normalize": self.normalize, "dtype": self.dtype}

    def _encode_images(self, images: Tensor) -> Tensor:
        embedding: Tensor = self._model(**self._files.pixels(images, self._torch_device())).pooler_output
        return embedding

    @cached_property
    def _model(self) -> Any:
        from transformers import AutoModel

        return self._files.model(AutoModel, self._torch_device())
