"""BLIP of transformers as an encoder."""

from functools import cached_property
from typing import Any, Literal, final

from torch import Tensor

from lit_mia.errors import EncoderError
from lit_mia.features.encoders import Encoder, Precision
from lit_mia.models.pretrained import Pretrained


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
        self.shares_space = features == "itc"
        super().__init__(f"{path} {features}", self.shares_space, batch_size, device, dtype)
        self.features = features
        self._files = Pretrained(path, ("blip",), EncoderError)

    @property
    def dimension(self) -> int:
        """Length of an image embedding."""
        config = self._files.config
        return int(config.image_text_hidden_size if self.shares_space else config.vision_config.hidden_size)

    def fingerprint(self) -> dict[str, object]:
        """Hash of the folder if it is local, else the hub id and its commit; version of transformers; settings."""
        return {"encoder": "blip", **self._files.identity, "features": self.features, "dtype": self.dtype}

    def _encode_images(self, images: Tensor) -> Tensor:
        output = self._model.vision_model(**self._files.pixels(images, self._torch_device()))
        # Not `pooler_output`, which transformers passes through the last LayerNorm twice.
        first: Tensor = output.last_hidden_state[:, 0]
        return self._model.vision_proj(first) if self.shares_space else first

    def _encode_texts(self, texts: list[str]) -> Tensor:
        tokens = self._files.tokens(texts, "longest", self._torch_device())
        output = self._model.text_encoder(tokens.input_ids, attention_mask=tokens.attention_mask)
        first: Tensor = output.last_hidden_state[:, 0]
        return self._model.text_proj(first) if self.shares_space else first

    @cached_property
    def _model(self) -> Any:
        from transformers import BlipForImageTextRetrieval

        return self._files.model(BlipForImageTextRetrieval, self._torch_device())
