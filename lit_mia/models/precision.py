"""At which precision networks run, and which layers need full precision."""

from collections.abc import Callable, Iterable
from typing import Literal, TypeVar

import torch
from torch import Tensor, nn

Precision = Literal["float32", "bfloat16", "float16"]
Batch = TypeVar("Batch")


def in_batches(
    encode: Callable[[Batch], Tensor], batches: Iterable[Batch], device: torch.device, dtype: Precision
) -> Tensor:
    """What a network makes of some batches, without gradients: float32 on the CPU, fit to train on.

    Args:
        encode: The network.
        batches: At least one.
        device: Where it runs.
        dtype: At which precision.
    """
    kind = getattr(torch, dtype)
    with torch.inference_mode(), torch.autocast(device.type, kind, enabled=kind is not torch.float32):
        parts = [encode(batch).float().cpu() for batch in batches]
    return torch.cat(parts)  # outside inference mode, so that heads can train on it


def in_float32(layer: nn.Module) -> None:
    """Keep a layer out of autocast.

    bfloat16 has steps of 0.004 to 0.008 near 1, and the noise at t = 0 a deviation of 0.01: an input convolution in
    bfloat16 would round it away.

    Args:
        layer: A layer of one input; its weights keep their type.
    """
    forward: Callable[[Tensor], Tensor] = layer.forward
    kind = next(layer.parameters()).dtype

    def exact(x: Tensor) -> Tensor:
        with torch.autocast(x.device.type, enabled=False):
            return forward(x.to(kind))

    layer.forward = exact
