"""BLIP by way of transformers: the encoder that re-implementations of Wu et al. name."""

from collections.abc import Sequence
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal, final

import torch
from torch import Tensor

from lit_mia.errors import EncoderError
from lit_mia.features.encoders import Encoder, Precision, model_digest, to_model_input


@final
class BlipEncoder(Encoder):
    """A BLIP image-text retrieval model (Li et al., arXiv 2201.12086).

    `cls` gives what BLIP's `blip_feature_extractor` gives: the first token of the vision and of the unimodal text
    encoder, 768 numbers each at base size, which do not share a space. `itc` gives their projections for the
    image-text contrastive loss, scaled to length 1, 256 numbers each, which do.

    Args:
        path: A hub id or a folder made by `save_pretrained`, with image processor and tokenizer.
        features: `cls` or `itc`.
        batch_size: Images or texts per forward pass. It changes speed and memory, not the embeddings.
        device: `auto` (the accelerator if there is one, else the CPU) or a torch device such as `cuda:1`.
        dtype: Precision of the forward pass. Embeddings are float32 in any case.
    """

    def __init__(
        self,
        path: str = "Salesforce/blip-itm-base-coco",
        features: Literal["cls", "itc"] = "cls",
        batch_size: int = 32,
        device: str = "auto",
        dtype: Precision = "float32",
    ) -> None:
        super().__init__(batch_size, device, dtype)
        self.path = path
        self.features = features

    @property
    def shares_space(self) -> bool:
        """True for `itc`, False for `cls`."""
        return self.features == "itc"

    @property
    def dimension(self) -> int:
        """Length of an image embedding. Loads the model."""
        config = self._model.config
        return int(config.image_text_hidden_size if self.shares_space else config.vision_config.hidden_size)

    def fingerprint(self) -> dict[str, object]:
        """Hash of the folder if it is local, else the hub id; version of transformers; settings."""
        return {
            "encoder": "blip",
            **self._identity,
            "features": self.features,
            "dtype": self.dtype,
            "transformers": version("transformers"),
        }

    def _encode_images(self, images: Tensor) -> Tensor:
        size = self._model.config.vision_config.image_size
        mean, std = self._normalisation
        pixels = to_model_input(images, size, mean, std)
        # Not `pooler_output`, which transformers passes through the last LayerNorm twice.
        first: Tensor = self._model.vision_model(pixel_values=pixels).last_hidden_state[:, 0]
        return _project(self._model.vision_proj, first) if self.shares_space else first

    def _encode_texts(self, texts: list[str]) -> Tensor:
        longest = self._model.config.text_config.max_position_embeddings
        tokens = self._tokenizer(texts, padding=True, truncation=True, max_length=longest, return_tensors="pt")
        tokens = tokens.to(self._torch_device())
        hidden = self._model.text_encoder(tokens.input_ids, attention_mask=tokens.attention_mask).last_hidden_state
        first: Tensor = hidden[:, 0]
        return _project(self._model.text_proj, first) if self.shares_space else first

    @cached_property
    def _identity(self) -> dict[str, object]:
        return {"weights": model_digest(Path(self.path))} if Path(self.path).is_dir() else {"model": self.path}

    @cached_property
    def _model(self) -> Any:
        from transformers import BlipForImageTextRetrieval

        model, info = self._load(BlipForImageTextRetrieval, output_loading_info=True, weights_only=True)
        if info["missing_keys"] or info["mismatched_keys"]:
            raise EncoderError(
                f"{self.path!r} is no BLIP retrieval model: {len(info['missing_keys'])} weights are missing, e.g. "
                f"{sorted(info['missing_keys'])[:3]}. Use one such as Salesforce/blip-itm-base-coco."
            )
        return model.to(self._torch_device()).eval()

    @cached_property
    def _tokenizer(self) -> Any:
        from transformers import AutoTokenizer

        return self._load(AutoTokenizer)

    @cached_property
    def _normalisation(self) -> tuple[Sequence[float], Sequence[float]]:
        from transformers import BlipImageProcessor

        processor = self._load(BlipImageProcessor)
        return processor.image_mean, processor.image_std

    def _load(self, kind: Any, **options: object) -> Any:
        from safetensors import SafetensorError

        try:
            return kind.from_pretrained(self.path, **options)
        except (OSError, RuntimeError, ValueError, SafetensorError) as error:
            raise EncoderError(
                f"{kind.__name__} cannot be loaded from {self.path!r}, which must be a hub id or a folder made by "
                f"`save_pretrained`: {error}"
            ) from error


def _project(layer: torch.nn.Linear, embedding: Tensor) -> Tensor:
    return torch.nn.functional.normalize(layer(embedding), dim=-1)
