"""CLIP and its kin by way of open_clip: images and texts in one space."""

from functools import cached_property
from importlib.metadata import version
from typing import Any, final

from torch import Tensor

from lit_mia.errors import EncoderError
from lit_mia.features.encoders import Encoder, Precision, standardize
from lit_mia.features.pixels import resize
from lit_mia.models import OpenClipFiles


@final
class OpenClipEncoder(Encoder):
    """An open_clip model. Its image and text embeddings share a space.

    Weights are read as safetensors or with `weights_only=True`, and no code of a model is run.

    Args:
        model: A folder in the layout of open_clip (`open_clip_config.json`, weights, tokenizer files), a hub id
            (`hf-hub:laion/...`), a model tag of open_clip (`ViT-B-32`), or the model of emoji that comes with this
            package (`shipped:openmoji-clip`).
        pretrained: For a model tag: the tag of its weights (`laion2b_s34b_b79k`) or a weights file.
        normalize: Whether embeddings are scaled to length 1.
        batch_size: Images or texts per forward pass. It changes speed and memory, not the embeddings.
        device: `auto` (the accelerator if there is one, else the CPU) or a torch device such as `cuda:1`.
        dtype: Precision of the forward pass. Embeddings are float32 in any case.
    """

    shares_space = True

    def __init__(
        self,
        model: str,
        pretrained: str | None = None,
        normalize: bool = True,
        batch_size: int = 64,
        device: str = "auto",
        dtype: Precision = "float32",
    ) -> None:
        super().__init__(f"{model} {pretrained or ''}".strip(), normalize, batch_size, device, dtype)
        self._files = OpenClipFiles(model, pretrained, EncoderError)

    @property
    def dimension(self) -> int:
        """Length of an image embedding, and of a text embedding."""
        return int(self._files.architecture["embed_dim"])

    def fingerprint(self) -> dict[str, object]:
        """Hash of the weights if they are local, else their names; version of open_clip; settings.

        Raises:
            EncoderError: If the model is missing.
            TargetError: If no shipped model has this name.
        """
        return {
            "encoder": "open_clip",
            **self._files.identity,
            "normalize": self.normalize,
            "dtype": self.dtype,
            "open_clip": version("open_clip_torch"),
        }

    def _encode_images(self, images: Tensor) -> Tensor:
        settings = self._model.visual.preprocess_cfg
        size = settings["size"] if isinstance(settings["size"], int) else settings["size"][0]
        pixels = standardize(resize(images, size, settings["interpolation"]), settings["mean"], settings["std"])
        embedding: Tensor = self._model.encode_image(pixels)
        return embedding

    def _encode_texts(self, texts: list[str]) -> Tensor:
        tokens = self._tokenizer(texts).to(self._torch_device())
        embedding: Tensor = self._model.encode_text(tokens)
        return embedding

    @cached_property
    def _model(self) -> Any:
        return self._files.load(self._torch_device())

    @cached_property
    def _tokenizer(self) -> Any:
        return self._files.tokenizer()
