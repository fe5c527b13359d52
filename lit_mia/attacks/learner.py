"""How an audit comes from heads and records to scores: each head by itself, or many that differ in their labels."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import final

import numpy as np
from numpy.typing import NDArray

from lit_mia.attacks.base import Attack
from lit_mia.attacks.budgets import Budget
from lit_mia.attacks.controls.boosting import Floats, flat_features
from lit_mia.attacks.data import HeadDataModule
from lit_mia.attacks.trained import TrainedHeads
from lit_mia.attacks.training import same_training, scored_and_kept, train_seeds, train_together


class Learner(ABC):
    """Trains networks, and makes the tables that gradient boosting learns from."""

    @abstractmethod
    def ahead(self, heads: Sequence[tuple[Attack, HeadDataModule]], budget: Budget) -> None:
        """Be told which heads will be asked for, where that saves time.

        Args:
            heads: Heads, and datamodules whose arrays are prepared.
            budget: Length and seeds.
        """

    @abstractmethod
    def network(
        self, attack: Attack, data: HeadDataModule, budget: Budget, checkpoint: Path | None = None
    ) -> NDArray[np.float64]:
        """Raw scores `[seeds, n]` of all records by a head.

        Args:
            attack: The head, not built yet; it is left as it is.
            data: A datamodule whose arrays are prepared.
            budget: Length and seeds.
            checkpoint: Where the head of seed 0 is saved.
        """

    @abstractmethod
    def trains(self, control: Attack, data: HeadDataModule) -> bool:
        """Whether the network of a control is trained; otherwise it is learned by gradient boosting alone."""

    @abstractmethod
    def table(self, head: Attack, data: HeadDataModule, train: int) -> Floats:
        """What a control reads, see `lit_mia.attacks.controls.boosting.flat_features`."""


@final
class EachAlone(Learner):
    """Every head learns by itself, and is kept; several at a time."""

    def __init__(self) -> None:
        self._trained: dict[tuple[int, str], TrainedHeads] = {}

    def ahead(self, heads: Sequence[tuple[Attack, HeadDataModule]], budget: Budget) -> None:
        """See `Learner`."""
        wanted = {(id(data), same_training(head)): (head, data) for head, data in heads}
        found = train_together([*wanted.values()], budget)
        self._trained = {key: of for key, of in zip(wanted, found, strict=True) if of is not None}

    def network(
        self, attack: Attack, data: HeadDataModule, budget: Budget, checkpoint: Path | None = None
    ) -> NDArray[np.float64]:
        """See `Learner`."""
        trained = self._trained.pop((id(data), same_training(attack)), None)
        if trained is not None:
            return scored_and_kept(trained, data, budget, checkpoint)
        return train_seeds(attack, data, budget, checkpoint)

    def trains(self, control: Attack, data: HeadDataModule) -> bool:
        """Always."""
        return True

    def table(self, head: Attack, data: HeadDataModule, train: int) -> Floats:
        """See `Learner`."""
        return flat_features(head, data, train)
