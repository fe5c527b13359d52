"""Rows of trained heads: every attack, its controls without the target, and its placebo."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import final

import numpy as np
from numpy.typing import NDArray

from datamodules.base import AuditDataModule
from lit_mia.attacks.base import Attack
from lit_mia.attacks.training import Budget, controls_of, same_training, train_seeds
from lit_mia.audits.membership.scorer import Scorer
from lit_mia.report.membership.evidence import RowScores
from lit_mia.targets.base import Target


@final
class HeadScorer(Scorer):
    """Trains a head for every attack and control; a control that several attacks share is trained once.

    Args:
        data: Records and the target's answers.
        attacks: The attacks.
        budget: Seeds and epochs.

    Raises:
        LitMiaError: If the datamodule cannot serve an attack or a control.
    """

    name = "head"

    def __init__(self, data: AuditDataModule, attacks: Sequence[Attack], budget: Budget) -> None:
        self._data = data
        self._placebo: AuditDataModule | None = None
        self._attacks, self._budget = list(attacks), budget
        self._known: dict[tuple[str, str], NDArray[np.float64]] = {}
        controls = [control for attack in self._attacks for control in controls_of(attack).values()]
        for head in (*self._attacks, *controls):
            data.check_head(head)

    @property
    def attacks(self) -> Sequence[Attack]:
        """The attacks."""
        return self._attacks

    @property
    def protocol(self) -> str:
        """Trained heads."""
        return "heads"

    def control_kinds(self) -> set[str]:
        """Those that the attacks declare, and the placebo."""
        return {"placebo"}.union(*(attack.controls for attack in self._attacks))

    def add_placebo(self, target: Target, store: str) -> None:
        """See `Scorer`."""
        self._placebo = self._data.answered_by(target, store)

    def sides(self) -> Mapping[str, AuditDataModule]:
        """See `Scorer`."""
        return {"target": self._data} | ({"placebo": self._placebo} if self._placebo is not None else {})

    def announce(self) -> None:
        """Nothing: what a datamodule asks does not depend on the attacks."""

    def query(self) -> None:
        """Fill the stores."""
        for data in self.sides().values():
            data.query()

    def rows(self, heads: Path) -> list[RowScores]:
        """Train all heads."""
        self._prepare()
        rows = []
        for attack in self._attacks:
            name = attack.name
            rows.append(self._row(name, "attack", self._scores(attack, self._data, heads / f"{name}.ckpt")))
            for kind, control in controls_of(attack).items():
                rows.append(self._row(name, kind, self._scores(control, self._data)))
            if self._placebo is not None:
                rows.append(self._row(name, "placebo", self._scores(attack, self._placebo)))
            print(f"{name}: head and controls trained", flush=True)
        return rows

    def _prepare(self) -> None:
        """Build the arrays that the heads need."""
        inputs = frozenset[str]().union(*(attack.inputs for attack in self._attacks))
        blind = [control.inputs for attack in self._attacks for control in controls_of(attack).values()]
        self._data.prepare(inputs.union(*blind))
        if self._placebo is not None:
            self._placebo.prepare(inputs)

    def _row(self, attack: str, kind: str, scores: NDArray[np.float64]) -> RowScores:
        return RowScores(row_name(attack, kind), kind, attack, scores, protocol=self.protocol)

    def _scores(self, attack: Attack, data: AuditDataModule, checkpoint: Path | None = None) -> NDArray[np.float64]:
        key = (str(data.store_path), same_training(attack))
        if key not in self._known:
            self._known[key] = train_seeds(attack, data, self._budget, checkpoint)
        return self._known[key]


def row_name(attack: str, kind: str) -> str:
    """`II-S` of an attack, `II-S blind` of a control."""
    return attack if kind == "attack" else f"{attack} {kind}"
