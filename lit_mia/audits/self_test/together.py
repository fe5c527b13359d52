"""Trains heads for several ways to label the same records at once."""

from collections.abc import Sequence
from pathlib import Path
from typing import final

import numpy as np
from numpy.typing import NDArray

from datamodules import JudgedDataModule
from lit_mia.attacks import Attack, Budget, EachAlone, Learner, same_training, train_seeds
from lit_mia.attacks.controls.boosting import Floats
from lit_mia.attacks.data import HeadDataModule
from lit_mia.attacks.material import fits_together
from lit_mia.attacks.semantic import MlpAttack
from lit_mia.attacks.training import train_batch
from lit_mia.errors import HeadError


@final
class Together(Learner):
    """Trains each MLP head for all ways to label the records when the first of them asks for it.

    Attributes:
        turn: Which of the ways asks.

    Args:
        labels: Labels by way and record, `[b, n]`.
        first_seed: Seed of the first head of each way.
        apart: Whether networks that cannot be trained so are trained, each by itself; without it, gradient boosting
            alone learns such controls.
        tables: What controls read, whichever the labels are; it is filled.
    """

    def __init__(self, labels: NDArray[np.int64], first_seed: int, *, apart: bool, tables: dict[str, Floats]) -> None:
        self.turn, self._labels, self._first, self._apart = 0, labels, first_seed, apart
        self._tables, self._known = tables, dict[str, Sequence[NDArray[np.float64]]]()

    def ahead(self, heads: Sequence[tuple[Attack, HeadDataModule]], budget: Budget) -> None:
        """See `Learner`; each is trained when it is asked for."""

    def network(
        self, attack: Attack, data: HeadDataModule, budget: Budget, checkpoint: Path | None = None
    ) -> NDArray[np.float64]:
        """See `Learner`."""
        if not fits_together(attack, data):
            return train_seeds(attack, data, budget, checkpoint)
        key = _key(attack, data)
        if key not in self._known:
            try:
                self._known[key] = self._trained(attack, data, budget, self._labels)
            except HeadError:  # one of them may have diverged, which is not the others' end
                return self._trained(attack, data, budget, self._labels[[self.turn]])[0]
        return self._known[key][self.turn]

    def trains(self, control: Attack, data: HeadDataModule) -> bool:
        """See `Learner`."""
        return self._apart or fits_together(control, data)

    def table(self, head: Attack, data: HeadDataModule, train: int) -> Floats:
        """See `Learner`."""
        key = _key(head, data)
        if key not in self._tables:
            self._tables[key] = EachAlone().table(head, data, train)
        return self._tables[key]

    def _trained(
        self, attack: MlpAttack, data: HeadDataModule, budget: Budget, labels: NDArray[np.int64]
    ) -> Sequence[NDArray[np.float64]]:
        """Scores of all records by way, `[seeds, n]` each."""
        seeds = [self._first + seed for _ in labels for seed in range(budget.seeds)]
        found = train_batch(attack, data, budget, seeds, labels=np.repeat(labels, budget.seeds, axis=0))
        return np.split(found, len(labels))


def _key(head: Attack, data: HeadDataModule) -> str:
    """What tells heads of one audit apart: what they are, and whose answers they read."""
    return f"{data.store_path if isinstance(data, JudgedDataModule) else ''} {same_training(head)}"
