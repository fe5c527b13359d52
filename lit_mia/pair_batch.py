"""What heads see of some records."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Self

import torch
from torch import Tensor


@dataclass(frozen=True)
class PairBatch:
    """What a head sees of `b` records: query images, what the target answered, or anything that is made of them.

    Attributes:
        row: Row of each record in the record table, long `[b]`.
        member: 1, 0 or -1, long `[b]`.
        inputs: By name what the head declares in `inputs`, `[b, ...]` each; images are in [0, 1].
    """

    row: Tensor
    member: Tensor
    inputs: Mapping[str, Tensor]

    def __getitem__(self, name: str) -> Tensor:
        """An input.

        Raises:
            KeyError: If the head does not declare it in `inputs`.
        """
        if name not in self.inputs:
            raise KeyError(f"{name} is not in the batch; a head reads only what it declares in `inputs`.")
        return self.inputs[name]

    def to(self, device: torch.device | str) -> Self:
        """The same batch on another device."""
        inputs = {name: values.to(device) for name, values in self.inputs.items()}
        return replace(self, row=self.row.to(device), member=self.member.to(device), inputs=inputs)
