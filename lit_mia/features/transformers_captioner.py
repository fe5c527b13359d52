"""Captioners of transformers: BLIP, BLIP-2, and image encoders with a text decoder."""

from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any, final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lit_mia.errors import CaptionerError
from lit_mia.features.captioners import Captioner
from lit_mia.features.encoders import Precision
from lit_mia.targets.digest import model_digest
from lit_mia.targets.placement import resolve_device
from lit_mia.targets.shipped import shipped

_PROMPTED = ("blip", "blip-2")
_KINDS = (*_PROMPTED, "vision-encoder-decoder")


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

    def fingerprint(self) -> dict[str, object]:
        """Hash of the folder if it is local, else the hub id; version of transformers; settings."""
        return {
            "captioner": "transformers",
            **self._identity,
            "prompt": self.prompt,
            "num_beams": self.num_beams,
            "max_length": self.max_length,
            "min_length": self.min_length,
            "dtype": self.dtype,
            "transformers": version("transformers"),
        }

    def caption(self, images: Tensor | NDArray[np.uint8]) -> list[str]:
        """Describe images, after the model's own resizing and normalisation."""
        batches = (images[start : start + self.batch_size] for start in range(0, len(images), self.batch_size))
        tensors = (batch if isinstance(batch, Tensor) else torch.tensor(batch) for batch in batches)
        with torch.inference_mode():
            return [text for batch in tensors for text in self._describe(batch)]

    def _describe(self, images: Tensor) -> list[str]:
        pixels = self._image_processor(list(images), return_tensors="pt").pixel_values
        inputs = {"pixel_values": pixels.to(self._model.dtype)} | self._prompt_tokens(len(images))
        tokens = self._model.generate(
            **{name: values.to(self._model.device) for name, values in inputs.items()},
            num_beams=self.num_beams,
            max_length=len(self._image_tokens) + self.max_length,
            min_length=len(self._image_tokens) + self.min_length,
            do_sample=False,
        )
        texts = self._tokenizer.batch_decode(tokens, skip_special_tokens=True)
        return [" ".join(text.split()).removeprefix(self.prompt).strip() for text in texts]

    def _prompt_tokens(self, n: int) -> dict[str, Tensor]:
        """The prompt as the model wants it, for `n` images; nothing without one."""
        if not self.prompt:
            return {}
        if self._model.config.model_type not in _PROMPTED:
            raise CaptionerError(f"{self.path!r} takes no prompt, but `prompt` is {self.prompt!r}. Leave it empty.")
        tokens = [*self._image_tokens, *self._tokenizer(self.prompt).input_ids]
        return {"input_ids": torch.tensor([tokens] * n), "attention_mask": torch.ones(n, len(tokens), dtype=torch.long)}

    @cached_property
    def _image_tokens(self) -> list[int]:
        """What stands for the image before the text of a decoder-only BLIP-2, and counts as text there."""
        config = self._model.config
        if config.model_type != "blip-2" or not config.use_decoder_only_language_model:
            return []
        return [config.image_token_index] * config.num_query_tokens

    @cached_property
    def _folder(self) -> str:
        return shipped(self.path)

    @cached_property
    def _identity(self) -> dict[str, object]:
        is_local = Path(self._folder).is_dir()
        return {"weights": model_digest(Path(self._folder))} if is_local else {"model": self.path}

    @cached_property
    def _model(self) -> Any:
        from transformers import AutoConfig, AutoModelForImageTextToText

        kind = self._load(AutoConfig).model_type
        if kind not in _KINDS:
            raise CaptionerError(f"{self.path!r} is a model of type {kind}, but a captioner is one of {_KINDS}.")
        dtype = getattr(torch, self.dtype)
        model, info = self._load(AutoModelForImageTextToText, output_loading_info=True, weights_only=True, dtype=dtype)
        if info["missing_keys"] or info["mismatched_keys"]:
            raise CaptionerError(
                f"{self.path!r} does not write captions: {len(info['missing_keys'])} weights are missing, e.g. "
                f"{sorted(info['missing_keys'])[:3]}. Use one such as Salesforce/blip-image-captioning-base."
            )
        return model.to(resolve_device(self.device)).eval()

    @cached_property
    def _tokenizer(self) -> Any:
        from transformers import AutoTokenizer

        return self._load(AutoTokenizer)

    @cached_property
    def _image_processor(self) -> Any:
        from transformers import AutoImageProcessor

        return self._load(AutoImageProcessor)

    def _load(self, kind: Any, **options: object) -> Any:
        from safetensors import SafetensorError

        try:
            return kind.from_pretrained(self._folder, **options)
        except (OSError, RuntimeError, ValueError, SafetensorError) as error:
            raise CaptionerError(
                f"{kind.__name__} cannot be loaded from {self.path!r}, which must be a hub id or a folder made by "
                f"`save_pretrained`, with image processor and tokenizer: {error}"
            ) from error
