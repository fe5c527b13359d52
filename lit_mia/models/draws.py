"""Random draws that belong to a record, not to a batch: noise, shuffles, the next image token of a sequence model."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor

from lit_mia.ranges import ABOVE_ZERO, at_least


def normal(shape: Sequence[int], seeds: Sequence[int]) -> Tensor:
    """Standard normal draws `[len(seeds), *shape]`, float32, each from a CPU generator of its own."""
    return torch.stack([torch.randn(tuple(shape), generator=torch.Generator().manual_seed(seed)) for seed in seeds])


def uniform(shape: Sequence[int], seeds: Sequence[int]) -> Tensor:
    """Draws from [0, 1), `[len(seeds), *shape]`, float32, each from a CPU generator of its own."""
    return torch.stack([torch.rand(tuple(shape), generator=torch.Generator().manual_seed(seed)) for seed in seeds])


@final
@dataclass(frozen=True)
class TokenSampling:
    """How tokens are drawn from logits.

    Attributes:
        temperature: What the logits are divided by, above 0.
        top_k: How many of the likeliest tokens may be drawn; all if None.
        conditioning_scale: How far the logits are moved from those of the empty text to those of the text, and beyond.
    """

    temperature: float
    top_k: int | None
    conditioning_scale: float

    def mistakes(self) -> list[str]:
        """What is out of range, in words."""
        counted = at_least(1)(top_k=self.top_k)
        scale = at_least(0)(conditioning_scale=self.conditioning_scale)
        return [*counted, *ABOVE_ZERO(temperature=self.temperature), *scale]

    def draw(self, given: Tensor, without: Tensor | None, generators: Sequence[torch.Generator]) -> Tensor:
        """The next token of each text, long `[b]`.

        Args:
            given: Logits under the texts, `[b, v]`.
            without: Logits under the empty text, `[b, v]`; None leaves `conditioning_scale` out.
            generators: A CPU generator for each text.
        """
        logits = given if without is None else guided(given, without, self.conditioning_scale)
        return draw_tokens(logits, self.temperature, self.top_k, gumbel(generators, logits.shape[-1]))


def guided(conditional: Tensor, unconditional: Tensor, scale: float) -> Tensor:
    """Logits pushed away from those of the empty text: u + scale * (c - u), DALL·E mini's "super conditioning".

    Args:
        conditional: Logits c under the text, `[b, v]`.
        unconditional: Logits u under the empty text, `[b, v]`.
        scale: 1 gives c.
    """
    return unconditional + scale * (conditional - unconditional)


def draw_tokens(logits: Tensor, temperature: float, top_k: int | None, noise: Tensor) -> Tensor:
    """Draw one token per row from the softmax of its logits, by the Gumbel-max rule.

    Args:
        logits: `[b, v]`.
        temperature: What the logits are divided by, above 0.
        top_k: How many of the largest logits may be drawn; all if None or above v.
        noise: Standard Gumbel noise, `[b, v]`.

    Returns:
        Tokens, long `[b]`.
    """
    scaled = logits.float() / temperature
    if top_k is not None and top_k < scaled.shape[-1]:
        least = scaled.topk(top_k, dim=-1).values[:, -1:]
        scaled = scaled.masked_fill(scaled < least, -torch.inf)
    return (scaled + noise.to(scaled.device)).argmax(dim=-1)


def gumbel(generators: Sequence[torch.Generator], size: int) -> Tensor:
    """Standard Gumbel noise `[len(generators), size]`, float32 on the CPU, each row from a CPU generator of its own."""
    return -torch.stack([torch.empty(size).exponential_(generator=generator) for generator in generators]).log()
