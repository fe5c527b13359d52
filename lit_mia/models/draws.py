"""Random draws that belong to a record, not to a batch."""

from collections.abc import Sequence

import torch
from torch import Tensor


def normal(shape: Sequence[int], seeds: Sequence[int]) -> Tensor:
    """Standard normal draws `[len(seeds), *shape]`, float32, each from a CPU generator of its own."""
    return torch.stack([torch.randn(tuple(shape), generator=torch.Generator().manual_seed(seed)) for seed in seeds])
