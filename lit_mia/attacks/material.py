"""What heads that are trained together learn from: features of train and val, read once."""

import copy
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self, TypeGuard, final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lit_mia.attacks.base import Attack
from lit_mia.attacks.data import HeadDataModule
from lit_mia.attacks.semantic import MlpAttack
from lit_mia.pair_batch import PairBatch

MOST_NUMBERS = 2**28
"""Features of training records, one gigabyte, that are held in memory; heads of larger data are trained alone."""
_OWN = {"__init__", "features", "check_encoder"}
"""Methods that heads replace without changing how they are trained."""


def fits_together(head: Attack, data: HeadDataModule) -> TypeGuard[MlpAttack]:
    """Whether copies of a head can be trained together: an MLP that is trained as all are, on data of moderate size.

    Args:
        head: The head.
        data: A datamodule whose arrays are prepared.
    """
    if not isinstance(head, MlpAttack):
        return False
    kinds = [kind for kind in type(head).__mro__ if issubclass(kind, Attack) and kind not in (Attack, MlpAttack)]
    replaced = {name for kind in kinds for name, of in vars(kind).items() if callable(of) and hasattr(Attack, name)}
    numbers = head.features(data.example()).numel() * len(data.train_dataloader().dataset)
    return replaced <= _OWN and numbers <= MOST_NUMBERS


@final
@dataclass(frozen=True, eq=False)
class Part:
    """What heads read of some records.

    Attributes:
        features: Normalised, `[n, k, d]`.
        member: Labels, `[n]`.
        row: Rows, `[n]`.
    """

    features: Tensor
    member: Tensor
    row: Tensor

    @classmethod
    def of(cls, batches: Iterable[PairBatch], head: MlpAttack) -> Self:
        """Read all batches.

        Args:
            batches: The records.
            head: A head with the normalisation of its inputs.
        """
        features, member, row = [], [], []
        for batch in batches:
            features.append((head.features(batch.to(head.device)) - head.center) / head.spread)
            member.append(batch.member)
            row.append(batch.row)
        return cls(torch.cat(features), torch.cat(member), torch.cat(row))

    def labels(self, other: NDArray[np.int64] | None, heads: int) -> Tensor:
        """Labels of the records for each head, `[heads, n]`.

        Args:
            other: Labels by head and row that take the place of the records' own, `[heads, rows]`.
            heads: Number of heads.
        """
        if other is None:
            return self.member.expand(heads, -1)
        return torch.from_numpy(other).to(self.member.device)[:, self.row]


@final
class Material:
    """What heads of one shape learn from and are chosen on, read once.

    Attributes:
        head: A head with the normalisation of its inputs, whose weights nobody uses.
        train: The training records, in the order of the datamodule.
        val: Those that choose the epoch.
        loader: Says which of the training records are a batch.

    Args:
        head: The head, not built yet; it is left as it is.
        data: A datamodule whose arrays are prepared.
        device: Where heads are trained.
    """

    def __init__(self, head: MlpAttack, data: HeadDataModule, device: torch.device) -> None:
        self._data, self._plain = data, head
        self.head = copy.deepcopy(head)
        self.head.start(data)
        self.head.to(device).normalise(data)
        self.loader = data.train_dataloader()
        self.train = Part.of(data.train_batches(), self.head)
        self.val = Part.of(data.val_dataloader()[0], self.head)

    def begun(self) -> MlpAttack:
        """A head with the weights that the random numbers of now give it."""
        head = copy.deepcopy(self._plain)
        head.start(self._data)
        head.center, head.spread = self.head.center, self.head.spread
        return head.to(self.head.device)
