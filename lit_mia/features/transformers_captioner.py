"""Captioners of transformers: BLIP, BLIP-2, and image encoders with a text decoder."""

from functools import cached_property
from typing import Any, final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lit_mia.errors import CaptionerError
from lit_mia.features.captioners import Captioner
from lit_mia.features.encoders import Precision
from lit_mia.models import Pretrained, resolve_device, shipped

_PROMPTED = ("blip", "blip-2")


@final
class TransformersCaptioner(Captioner):
    """An image-to-text model of transformers: BLIP, BLIP-2 or a vision encoder-decoder such as ViT-GPT2.

    Captions come from a beam search, by default as in BLIP's own code (arXiv 2201.12086). Weights are read as
    safetensors or with `weights_only=True`, and no code of a model is run.

    Args:
        path: A model that comes with this package (`shipped:openmoji-blip`), a folder made by `save_pretrained` with
            its processor, or a hub id.
        prompt: Text that the caption goes on from, for BLIP and BLIP-2, such as `a picture of`; it is not part of the
            caption.
        num_beams: Beams of the search; 1 takes the likeliest token at every step.
        max_length: Longest caption in tokens, with start, end and prompt.
        min_length: Shortest caption in tokens, counted likewise.
        batch_size: Images per forward pass. It changes speed and memory, not the captions.
        device: `auto` (the accelerator if there is one, else the CPU) or a torch device such as `cuda:1`.
        dtype: Precision of the weights and of the forward pass.

    Raises:
        CaptionerError: If a number is out of range.
        TargetError: If no shipped model has the name.
    """

    def __init__(
        self,
        path: str = "Salesforce/blip-image-captioning-base",
        prompt: str = "",
        num_beams: int = 3,
        max_length: int = 20,
        min_length: int = 5,
        batch_size: int = 16,
        device: str = "auto",
        dtype: Precision = "float32",
    ) -> None:
        if min(num_beams, batch_size) < 1 or not 0 <= min_length <= max_length:
            raise CaptionerError(
                "`num_beams` and `batch_size` must be at least 1 and `min_length` within 0 and `max_length`, but got "
                f"{num_beams}, {batch_size}, {min_length} and {max_length}."
            )
        self.path, self.prompt = path, prompt.strip()
        self.num_beams, self.max_length, self.min_length = num_beams, max_length, min_length
        self.batch_size, self.device, self.dtype = batch_size, device, dtype
        self._files = Pretrained(shipped(path), (*_PROMPTED, "vision-encoder-decoder"), CaptionerError)

    def fingerprint(self) -> dict[str, object]:
        """Hash of the folder if it is local, else the hub id and its commit; version of transformers; settings."""
        return {
            "captioner": "transformers",
            **self._files.identity,
            "prompt": self.prompt,
            "num_beams": self.num_beams,
            "max_length": self.max_length,
            "min_length": self.min_length,
            "dtype": self.dtype,
        }

    def caption(self, images: Tensor | NDArray[np.uint8]) -> list[str]:
        """Describe images, after the model's own resizing and normalisation."""
        batches = (images[start : start + self.batch_size] for start in range(0, len(images), self.batch_size))
        tensors = (batch if isinstance(batch, Tensor) else torch.tensor(batch) for batch in batches)
        with torch.inference_mode():
            return [text for batch in tensors for text in self._describe(batch)]

    def _describe(self, images: Tensor) -> list[str]:
        pixels = self._files.pixels(images, self._model.device).pixel_values
        tokens = self._model.generate(
            pixel_values=pixels.to(self._model.dtype),
            **self._prompt_inputs(len(images)),
            num_beams=self.num_beams,
            max_length=len(self._image_tokens) + self.max_length,
            min_length=len(self._image_tokens) + self.min_length,
            do_sample=False,
        )
        return [text.removeprefix(self._spoken_prompt).strip() for text in self._texts(tokens)]

    def _texts(self, tokens: Any) -> list[str]:
        texts = self._files.tokenizer.batch_decode(tokens, skip_special_tokens=True)
        return [" ".join(text.split()) for text in texts]

    @cached_property
    def _prompt_tokens(self) -> list[int]:
        tokens: list[int] = self._files.tokenizer(self.prompt).input_ids
        return tokens

    @cached_property
    def _spoken_prompt(self) -> str:
        """The prompt as it comes back in captions: some tokenizers write it in lower case and with other spaces."""
        return self._texts([self._prompt_tokens])[0] if self.prompt else ""

    def _prompt_inputs(self, n: int) -> dict[str, Tensor]:
        """The prompt as the model wants it, for `n` images; nothing without one."""
        if not self.prompt:
            return {}
        if self._model.config.model_type not in _PROMPTED:
            raise CaptionerError(f"{self.path!r} takes no prompt, but `prompt` is {self.prompt!r}. Leave it empty.")
        tokens = torch.tensor([[*self._image_tokens, *self._prompt_tokens]] * n, device=self._model.device)
        return {"input_ids": tokens, "attention_mask": torch.ones_like(tokens)}

    @cached_property
    def _image_tokens(self) -> list[int]:
        """What stands for the image before the text of a decoder-only BLIP-2, and counts as text there."""
        config = self._model.config
        if config.model_type != "blip-2" or not config.use_decoder_only_language_model:
            return []
        return [config.image_token_index] * config.num_query_tokens

    @cached_property
    def _model(self) -> Any:
        from transformers import AutoModelForImageTextToText

        dtype = getattr(torch, self.dtype)
        return self._files.model(AutoModelForImageTextToText, resolve_device(self.device), dtype)
