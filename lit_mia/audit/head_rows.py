"""Rows of trained heads: every attack, its blind and caption controls, and its placebo."""

from pathlib import Path
from typing import final

import numpy as np
from numpy.typing import NDArray

from datamodules.base import AuditDataModule
from lit_mia.attacks.base import Attack
from lit_mia.attacks.controls import controls_of
from lit_mia.attacks.training import Budget, same_training, train_seeds
from lit_mia.audit.rows import RowMaker
from lit_mia.report.numbers import RowScores
from lit_mia.report.schema import Protocol


@final
class HeadRows(RowMaker):
    """Trains a head for every attack and control; a control that several attacks share is trained once.

    Args:
        data: Records and the target's answers.
        attacks: The attacks.
        budget: Seeds and epochs.
    """

    def __init__(self, data: AuditDataModule, attacks: list[Attack], budget: Budget) -> None:
        self.data: AuditDataModule = data
        self.placebo: AuditDataModule | None = None
        self.attacks, self.budget = attacks, budget
        self._known: dict[tuple[str, str], NDArray[np.float64]] = {}

    @property
    def protocol(self) -> Protocol:
        """Trained heads."""
        return "heads"

    def announce(self) -> None:
        """Nothing: what a datamodule asks does not depend on the attacks."""

    def query(self) -> None:
        """Fill the stores."""
        for data in self.answers().values():
            data.query()
        self.leave_out_refused()

    def rows(self, heads: Path) -> list[RowScores]:
        """Train all heads."""
        self._prepare()
        rows = []
        for attack in self.attacks:
            own = self._scores(attack, self.data, heads / f"{attack.name}.ckpt")
            rows.append(RowScores(attack.name, "attack", attack.name, own))
            for kind, control in controls_of(attack).items():
                rows.append(RowScores(f"{attack.name} {kind}", kind, attack.name, self._scores(control, self.data)))
            if self.placebo is not None:
                answer = self._scores(attack, self.placebo)
                rows.append(RowScores(f"{attack.name} placebo", "placebo", attack.name, answer))
            print(f"{attack.name}: head and controls trained", flush=True)
        return rows

    def _prepare(self) -> None:
        """Ask, and build the arrays that the heads need."""
        inputs = frozenset[str]().union(*(attack.inputs for attack in self.attacks))
        blind = [control.inputs for attack in self.attacks for control in controls_of(attack).values()]
        self.query()
        self.data.prepare(inputs.union(*blind))
        if self.placebo is not None:
            self.placebo.prepare(inputs)

    def _scores(self, attack: Attack, data: AuditDataModule, checkpoint: Path | None = None) -> NDArray[np.float64]:
        key = (str(data.store_path), same_training(attack))
        if key not in self._known:
            self._known[key] = train_seeds(attack, data, self.budget, checkpoint)
        return self._known[key]
