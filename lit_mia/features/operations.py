"""Compare two embeddings, or two images: pure functions on tensors.

What comes out is a feature for a head to learn from, not a score: for `abs`, `squared` and `l2` a *small* value is
what suggests a member, for `cosine` and `dot` a large one. Turning it round is the head's work.

Wu et al. (arXiv 2210.00968) do not state which operation they used, so all are offered.
"""

from collections.abc import Callable
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from lit_mia.errors import EncoderError

Operation = Literal["abs", "squared", "signed", "concat", "cosine", "l2", "dot"]
PixelOperation = Literal["abs", "squared", "signed", "concat"]

OPERATIONS: dict[Operation, Callable[[Tensor, Tensor], Tensor]] = {
    "abs": lambda a, b: (a - b).abs(),
    "squared": lambda a, b: (a - b).square(),
    "signed": lambda a, b: a - b,
    "concat": lambda a, b: _concat(a, b, dim=-1),
    "cosine": lambda a, b: torch.nn.functional.cosine_similarity(a, b, dim=-1).unsqueeze(-1),
    "l2": lambda a, b: torch.linalg.vector_norm(a - b, dim=-1, keepdim=True),
    "dot": lambda a, b: (a * b).sum(dim=-1, keepdim=True),
}


def apply_operation(name: Operation, a: Tensor, b: Tensor) -> Tensor:
    """Compare embeddings along their last dimension.

    Args:
        name: `abs` |a - b|, `squared` (a - b)², `signed` a - b, `concat` [a, b], `cosine` similarity, `l2` distance
            or `dot` product.
        a: `[..., d]`.
        b: `[..., d]`; for `concat` the last dimension may be another. Leading dimensions are broadcast.

    Returns:
        `[..., d]` for the first three, `[..., d_a + d_b]` for `concat`, and `[..., 1]` for the last three.

    Raises:
        EncoderError: If the two embeddings differ in dimension and the operation is not `concat`.
    """
    if name != "concat" and a.shape[-1] != b.shape[-1]:
        raise EncoderError(
            f"`{name}` compares embeddings of one dimension, but got {a.shape[-1]} and {b.shape[-1]}. Use an encoder "
            "whose images and texts share a space, or the operation `concat`."
        )
    return OPERATIONS[name](a, b)


def pixel_map(name: PixelOperation, x: Tensor, generated: Tensor) -> Tensor:
    """Compare each query image with each image generated for it, pixel by pixel.

    Args:
        name: `abs` |x - x'|, `squared` (x - x')², `signed` x - x' or `concat` [x, x'].
        x: Query images `[b, 3, s, s]`, in [0, 1].
        generated: Generated images x' `[b, k, 3, s, s]`, in [0, 1].

    Returns:
        `[b, k, c, s, s]`, with c = 6 for `concat` and 3 otherwise.

    Raises:
        ValueError: If the images differ in size.
    """
    if x.shape[-3:] != generated.shape[-3:]:
        raise ValueError(
            f"x and x' must have one size, but are {tuple(x.shape[-3:])} and {tuple(generated.shape[-3:])}. "
            "Resize x to the size of x' first."
        )
    one_each = x.unsqueeze(1)
    return _concat(one_each, generated, dim=-3) if name == "concat" else OPERATIONS[name](one_each, generated)


def _concat(a: Tensor, b: Tensor, dim: int) -> Tensor:
    """Concatenate along `dim`, and broadcast the dimensions before it."""
    leading = np.broadcast_shapes(a.shape[:dim], b.shape[:dim])
    return torch.cat([a.expand(*leading, *a.shape[dim:]), b.expand(*leading, *b.shape[dim:])], dim=dim)
