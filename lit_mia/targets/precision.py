"""Which layers need full precision."""

from collections.abc import Callable

import torch
from torch import Tensor, nn


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
