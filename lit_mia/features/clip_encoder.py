"""CLIP and SigLIP of transformers as encoders."""

from functools import cached_property
from typing import Any, final

from torch import Tensor

from lit_mia.errors import EncoderError
from lit_mia.features.encoders import Encoder, Precision
from lit_mia.models.pretrained import Pretrained


@final
class TransformersClipEncoder(Encoder):
    """A CLIP (Radford et al., arXiv 2103.00020) or SigLIP (arXiv 2303.15343, 2502.14786) of transformers.

    Embeddings are the projections that the model was trained to compare.

    Args:
        path: A hub id or a folder made by `save_pretrained`, with image processor and tokenizer.
        normalize: Whether embeddings are scaled to length 1.
        batch_size: Images or texts per forward pass. It changes speed and memory, not the embeddings.
        device: `auto` (the accelerator if there is one, else the CPU) or a torch device such as `cuda:1`.
        dtype: Precision of the forward pass. Embeddings are float32 in any case.
    """

    shares_space = True

    def __init__(
        self,
        path: str = "openai/clip-vit-base-patch32",
        normalize: bool = True,
        batch_size: int = 64,
        device: str = "auto",
        dtype: Precision = "float32",
    ) -> None:
        super().__init__(path, normalize, batch_size, device, dtype)
        self._files = Pretrained(path, ("clip", "siglip", "siglip2"), EncoderError)

    @property
    def dimension(self) -> int:
        """Length of an image embedding, and of a text embedding."""
        config = self._files.config
        return int(config.projection_dim if config.model_type == "clip" else config.vision_config.hidden_size)

    def fingerprint(self) -> dict[str, object]:
        """Hash of the folder if it is local, else the hub id and its commit; version of transformers; settings."""
        return {"encoder": "clip", **self._files.identity, "normalize": self.normalize, "dtype": self.dtype}

    def _encode_images(self, images: Tensor) -> Tensor:
        pixels = self._files.pixels(images, self._torch_device())
        embedding: Tensor = self._model.get_image_features(**pixels).pooler_output
        return embedding

    def _encode_texts(self, texts: list[str]) -> Tensor:
        tokens = self._files.tokens(texts, "max_length", self._torch_device())  # SigLIP was trained on full lengths
        embedding: Tensor = self._model.get_text_features(**tokens).pooler_output
        return embedding

    @cached_property
    def _model(self) -> Any:
        from transformers import AutoModel

        return self._files.model(AutoModel, self._torch_device())
