"""What heads that are trained together learn from: features of train and val, read once."""

import copy
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Generic, Self, TypeGuard, TypeVar, final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lit_mia.attacks.base import Attack
from lit_mia.attacks.data import HeadDataModule
from lit_mia.attacks.draws import RANDOM
from lit_mia.attacks.semantic import MlpAttack
from lit_mia.pair_batch import PairBatch

Head = TypeVar("Head", bound=Attack)
MOST_NUMBERS = 2**28
"""Features of training records, one gigabyte, that are held in memory; heads of larger data are trained alone."""
MOST_OF_A_FIT = 2**26
"""The same for each of several fits at a time, of which every one holds its own."""
_OWN = {"__init__", "features", "build_trunk", "check_encoder"}
"""Methods that heads replace without changing how they are trained."""


def fits_together(head: Attack, data: HeadDataModule) -> TypeGuard[MlpAttack]:
    """Whether copies of a head can be trained together: an MLP that is trained as all are, on data of moderate size.

    Args:
        head: The head.
        data: A datamodule whose arrays are prepared.
    """
    plain = isinstance(head, MlpAttack) and type(head).build_trunk is MlpAttack.build_trunk
    return plain and _trained_as_all(head, data, MOST_NUMBERS)


def fits_singly(head: Attack, data: HeadDataModule) -> bool:
    """Whether a head can be trained without a Trainer: as all are, on data of moderate size, drawing nothing in a step.

    Args:
        head: The head.
        data: A datamodule whose arrays are prepared.
    """
    return _trained_as_all(head, data, MOST_OF_A_FIT) and not _draws_in_a_step(head, data)


def _trained_as_all(head: Attack, data: HeadDataModule, most: int) -> bool:
    kinds = [kind for kind in type(head).__mro__ if issubclass(kind, Attack) and kind is not Attack]
    replaced = {name for kind in kinds for name, of in vars(kind).items() if callable(of) and hasattr(Attack, name)}
    numbers = head.features(data.example()).numel() * len(data.train_dataloader().dataset)
    return replaced <= _OWN and numbers <= most


def _draws_in_a_step(head: Attack, data: HeadDataModule) -> bool:
    """Whether the network draws random numbers while it learns, as one with dropout does."""
    tried, features = copy.deepcopy(head), head.features(data.example())
    with RANDOM, torch.random.fork_rng(devices=[]), torch.no_grad():
        tried.start(data)
        before = torch.get_rng_state()
        tried.train().logits(torch.cat([features, features]))  # batch normalisation cannot use one alone
        return not torch.equal(before, torch.get_rng_state())


@final
@dataclass(frozen=True, eq=False)
class Part:
    """What heads read of some records, where they are trained.

    Attributes:
        features: Normalised, `[n, k, ...]`.
        member: Labels, `[n]`.
        row: Rows, `[n]`.
    """

    features: Tensor
    member: Tensor
    row: Tensor

    @classmethod
    def of(cls, batches: Iterable[PairBatch], head: Attack) -> Self:
        """Read all batches.

        Args:
            batches: The records.
            head: A head with the normalisation of its inputs.
        """
        features, member, row = [], [], []
        for batch in (of.to(head.device) for of in batches):
            features.append((head.features(batch) - head.center) / head.spread)
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
class Material(Generic[Head]):
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

    def __init__(self, head: Head, data: HeadDataModule, device: torch.device) -> None:
        self._data, self._plain = data, head
        self.head = copy.deepcopy(head)
        with RANDOM:
            self.head.start(data)
        self.head.to(device).normalise(data)
        self.loader = data.train_dataloader()
        self.train = Part.of(data.train_batches(), self.head)
        with RANDOM:  # a loader draws when it is iterated
            self.val = Part.of(data.val_dataloader()[0], self.head)

    def begun(self) -> Head:
        """A head with the weights that the random numbers of now give it."""
        head = copy.deepcopy(self._plain)
        head.start(self._data)
        head.center, head.spread = self.head.center, self.head.spread
        return head.to(self.head.device)
