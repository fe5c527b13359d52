"""How a sequence-to-sequence target draws its next image token: pure functions on logits."""

from collections.abc import Sequence

import torch
from torch import Tensor


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
