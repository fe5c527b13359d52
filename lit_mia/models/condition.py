"""What a denoiser is told about records beside x_t and t."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self, final

import torch
from torch import Tensor


@final
@dataclass(frozen=True, eq=False)
class Condition:
    """What a denoiser is told about each of `b` records beside x_t and t: named tensors `[b, ...]`, maybe none.

    Two conditions are the same question only if they are the same object.
    """

    parts: Mapping[str, Tensor]

    @classmethod
    def join(cls, conditions: Sequence["Condition"]) -> Self:
        """The conditions one after another."""
        return cls({name: torch.cat([c.parts[name] for c in conditions]) for name in conditions[0].parts})

    def rows(self, rows: slice) -> "Condition":
        """The conditions of some rows."""
        return Condition({name: part[rows] for name, part in self.parts.items()})
