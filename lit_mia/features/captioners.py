"""Captioners: third-party models of the attacker that turn images into the prompts of the target."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lit_mia.batches import slices
from lit_mia.configured import Configured
from lit_mia.errors import CaptionerError
from lit_mia.features.encoders import Precision, image_batches
from lit_mia.files import by_one_process, key_digest, replacing
from lit_mia.models import enough_memory, full_float32
from lit_mia.models.placement import resolve_device
from lit_mia.models.pretrained import Pretrained
from lit_mia.queries.behind import read_ahead
from lit_mia.queries.progress import progress
from lit_mia.ranges import at_least, check, no_device
from lit_mia.sealed import sealed_list, write_list

CHUNK = 256
_PROMPTED = ("blip", "blip-2")


class Captioner(Configured, ABC):
    """Images to captions, for an attacker who holds the image and nothing else.

    Attributes:
        revision: Raised when the code makes other captions of the same images, so that kept ones are made anew.
        device: Where it runs: a torch device, or `auto`; no matter for one without a model.
    """

    revision: ClassVar[int] = 1
    device: str = "auto"

    @abstractmethod
    def fingerprint(self) -> dict[str, object]:
        """Everything that changes a caption, as JSON values: weights, versions, settings.

        Raises:
            CaptionerError: If a local model is missing.
        """

    @abstractmethod
    def caption(self, images: Tensor | NDArray[np.uint8]) -> list[str]:
        """Describe images.

        Args:
            images: uint8 `[n, 3, h, w]`.

        Returns:
            A caption for each, without spaces at its ends; it may be empty.

        Raises:
            CaptionerError: If the model cannot be loaded.
        """


@final
class FixedCaption(Captioner):
    """The same text for every image: the attacker's knowledge of a class ("a photo of a face"), not of the image.

    Args:
        text: The text.

    Raises:
        CaptionerError: If it is empty.
    """

    def __init__(self, text: str) -> None:
        self.text = text.strip()
        if not self.text:
            raise CaptionerError("`text` of a fixed caption must not be empty.")

    def fingerprint(self) -> dict[str, object]:
        """The text."""
        return {"captioner": "fixed", "text": self.text}

    def caption(self, images: Tensor | NDArray[np.uint8]) -> list[str]:
        """The text, once per image."""
        return [self.text] * len(images)


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
        counted = at_least(1)(num_beams=num_beams, max_length=max_length, batch_size=batch_size)
        lengths = at_least(0, max_length)(min_length=min_length)
        check(CaptionerError, counted, lengths, no_device(device))
        self.path, self.prompt = path, prompt.strip()
        self.num_beams, self.max_length, self.min_length = num_beams, max_length, min_length
        self.batch_size, self.device, self.dtype = batch_size, device, dtype
        self._files = Pretrained(path, (*_PROMPTED, "vision-encoder-decoder"), CaptionerError)

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

    @full_float32()
    @torch.inference_mode()
    def caption(self, images: Tensor | NDArray[np.uint8]) -> list[str]:
        """Describe images, after the model's own resizing and normalisation, while those before are described."""
        batches = read_ahead(self._resized, image_batches(images, self.batch_size), most=1)
        return [text for batch in batches for text in self._describe(batch)]

    def _resized(self, images: Tensor) -> Tensor:
        pixels: Tensor = self._files.pixels(images, torch.device("cpu")).pixel_values
        return pixels

    @enough_memory()
    def _describe(self, pixels: Tensor) -> list[str]:
        tokens = self._model.generate(
            pixel_values=pixels.to(self._model.device, self._model.dtype),
            **self._prompt_inputs(len(pixels)),
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


def cached_captions(
    captioner: Captioner, images: NDArray[np.uint8], folder: Path, key_parts: Mapping[str, object]
) -> list[str]:
    """Describe images, or read what the captioner said of them before, in this process or another.

    Args:
        captioner: The captioner.
        images: uint8 `[n, 3, h, w]`.
        folder: Where the `.captions.json` files are. Made if it is missing.
        key_parts: What the images are, as JSON values, e.g. `pixels_key`.

    Returns:
        A caption for each; it may be empty.
    """
    made_by = {"captioner": captioner.fingerprint(), "revision": captioner.revision}
    key = {"what": "captions", **made_by, **key_parts}
    path = folder / f"{key_digest(key)}.captions.json"
    with by_one_process(path):
        kept = sealed_list(path)
        if kept is None:
            with replacing(path) as temporary:
                kept = [*_described(captioner, images)]
                write_list(temporary, kept)
    return [str(text) for text in kept]


def _described(captioner: Captioner, images: NDArray[np.uint8]) -> Iterator[str]:
    with progress("describe", len(images), "images") as bar:
        for part in slices(len(images), CHUNK):
            texts = captioner.caption(images[part])
            bar.update(len(texts))
            yield from texts
