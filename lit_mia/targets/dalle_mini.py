"""DALL·E mini and mega (Dayma et al. 2021) as a target, through the networks of min-dalle."""

from collections.abc import Sequence
from functools import cached_property
from typing import Any, Literal, final

import torch
from torch import Tensor

from lit_mia.batches import slices
from lit_mia.errors import TargetError
from lit_mia.models import Fingerprint, Precision, TokenSampling, digest, full_float32, resolve_device, versions
from lit_mia.models.min_dalle import (
    TEXT_TOKENS,
    load_decoder,
    load_detokenizer,
    load_encoder,
    load_tokenizer,
    require_min_dalle,
    weight_files,
)
from lit_mia.targets.base import AccessLevel, GenerateTarget, check_arguments

IMAGE_TOKENS = 256
CODES = 2**14
"""Codes of the VQGAN; the decoder of mega knows more, which are never drawn."""
PADDING = 1


@final
class DalleMiniTarget(GenerateTarget):
    """DALL·E mini or mega with the weights of min-dalle, loaded at the first query; its images have 256 pixels a side.

    With `top_k: 1` it answers as min-dalle does, also where that is peculiar: in the code before the first, and in a
    long caption, which loses its end token.
    """

    def __init__(
        self,
        path: str,
        size: Literal["mini", "mega"] = "mini",
        temperature: float = 1.0,
        top_k: int | None = None,
        conditioning_scale: float = 10.0,
        dtype: Precision = "float32",
        device: str = "auto",
        batch_size: int = 8,
        name: str | None = None,
    ) -> None:
        """Name the files and how image codes are drawn.

        Args:
            path: A local folder with the files of the hub repository `kuprel/min-dalle`: `detoker.pt` and, of mini,
                `encoder_mini.pt`, `decoder_mini.pt`, `vocab_mini.json`, `merges_mini.txt`; of mega the same without
                `_mini`.
            size: Which of the two models.
            temperature: What logits are divided by before a code is drawn, above 0.
            top_k: Codes among which one is drawn; None is all.
            conditioning_scale: How far the logits are moved from those without a caption to those with it: 1 is all
                the way, more goes beyond.
            dtype: Number format of the text encoder and the code decoder; pixels are made in float32.
            device: A torch device such as `cuda:1`, or `auto` for the current accelerator or else the CPU.
            batch_size: Images that are drawn together; does not change the images.
            name: What logs and reports call this target; `dalle-<size>` if None.

        Raises:
            TargetError: If an argument is out of range, a file is missing or min-dalle is not installed.
        """
        self._sampling = TokenSampling(float(temperature), top_k, float(conditioning_scale))
        check_arguments(*self._sampling.mistakes(), batch_size=batch_size, device=device)
        require_min_dalle()
        self._files = weight_files(path, size)
        self._dtype, self.device = dtype, device
        self.name = name or f"dalle-{size}"
        self.batch_size = batch_size

    @property
    def nfe_per_image(self) -> int:
        """Evaluations of the decoder: one per code with the caption, and one without."""
        return 2 * IMAGE_TOKENS

    def fingerprint(self) -> Fingerprint:
        """Weights, tokenizer, how codes are drawn, and library versions; not the device, the batch size or the name."""
        return {
            "access": AccessLevel.GENERATE.value,
            "weights": digest(self._files.merges.parent, vars(self._files).values()),
            **vars(self._sampling),
            "dtype": self._dtype,
            **versions("min-dalle", "torch"),
        }

    @full_float32()
    @torch.inference_mode()
    def generate(self, prompts: Sequence[str], seeds: Sequence[int]) -> Tensor:
        """Draw one image per prompt, its codes from a CPU generator of its own.

        Raises:
            TargetError: If a file cannot be loaded.
        """
        parts = slices(len(prompts), self.batch_size)
        codes = torch.cat([self._draw_codes(prompts[part], seeds[part]) for part in parts])
        images = (self._detokenizer(False, of_image[None]) for of_image in codes)
        return torch.stack([image.to(torch.uint8).permute(2, 0, 1).cpu() for image in images])

    def _draw_codes(self, prompts: Sequence[str], seeds: Sequence[int]) -> Tensor:
        """Codes of images, `[b, 256]`."""
        tokens = self._tokens(prompts)
        device, dtype = tokens.device, getattr(torch, self._dtype)
        with torch.autocast(device.type, dtype=dtype, enabled=dtype is not torch.float32):
            text = self._encoder(tokens)
            keys_and_values = (self._decoder.layer_count, 4 * len(prompts), IMAGE_TOKENS, self._decoder.embed_count)
            cache = torch.zeros(keys_and_values, dtype=dtype, device=device)
            generators = [torch.Generator().manual_seed(seed) for seed in seeds]
            known = min(CODES, self._decoder.image_vocab_count)
            codes = [torch.full((len(prompts),), known - 1, device=device)]  # min-dalle starts with the last code
            for place in range(IMAGE_TOKENS):
                logits, cache = self._decoder(
                    attention_mask=(tokens != PADDING)[:, None, None, :],
                    encoder_state=text,
                    attention_state=cache,
                    prev_tokens=codes[-1][:, None],
                    token_index=torch.tensor([place], device=device),
                )
                without, given = logits[:, -1, :known].float().chunk(2)
                codes.append(self._sampling.draw(given, without, generators))
        return torch.stack(codes[1:], dim=1)

    def _tokens(self, prompts: Sequence[str]) -> Tensor:
        """Tokens of no text for each prompt, then of the prompts, `[2b, 64]`."""
        texts = [self._tokenizer.tokenize(prompt) for prompt in prompts]
        self.truncated += sum(len(text) > TEXT_TOKENS for text in texts)
        read = [text[:TEXT_TOKENS] for text in texts]
        words = self._encoder.text_vocab_count
        if max(token for text in read for token in text) >= words:
            raise TargetError(f"{self._files.vocabulary.name!r} is of another model: the encoder knows {words} tokens.")
        rows = [[text[0], text[-1]] for text in read] + read
        padded = [row + [PADDING] * (TEXT_TOKENS - len(row)) for row in rows]
        return torch.tensor(padded, device=resolve_device(self.device))

    @cached_property
    def _tokenizer(self) -> Any:
        return load_tokenizer(self._files)

    @cached_property
    def _encoder(self) -> Any:
        return load_encoder(self._files.encoder, getattr(torch, self._dtype), resolve_device(self.device))

    @cached_property
    def _decoder(self) -> Any:
        return load_decoder(self._files.decoder, getattr(torch, self._dtype), resolve_device(self.device))

    @cached_property
    def _detokenizer(self) -> Any:
        return load_detokenizer(self._files.detokenizer, resolve_device(self.device))
