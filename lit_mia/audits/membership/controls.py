"""The controls of an audit that do without the target: each is learned once, whichever attacks it belongs to."""

import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import final

import numpy as np

from datamodules import JudgedDataModule
from lit_mia.attacks import Attack, Budget, Learner, same_training
from lit_mia.attacks.controls import Learned, RecordControl, Selection, counterpart, record_controls, stronger_learner
from lit_mia.attacks.training import is_first


@final
class Controls:
    """Learns controls on the records of a datamodule.

    Args:
        data: The records; heads need their inputs prepared.
        budget: Length and seeds of networks.
        learner: Trains them.
    """

    def __init__(self, data: JudgedDataModule, budget: Budget, learner: Learner) -> None:
        self._data, self._budget, self._learner = data, budget, learner
        self._heads: dict[str, tuple[Learned, Path | None]] = {}
        self._of_records: dict[str, Learned] = {}

    def of_attack(
        self, heads: Mapping[str, Attack], captioned: bool, checkpoint: Path | None
    ) -> Iterator[tuple[str, Learned]]:
        """The controls of one attack by kind.

        Args:
            heads: Those that are heads, by kind.
            captioned: Whether it is given captions.
            checkpoint: Where the attack's own head is, or would be; those of its controls are kept beside it. None
                keeps none.
        """
        for kind, head in heads.items():
            yield kind, self._head(head, checkpoint and counterpart(checkpoint, kind))
        for control in record_controls(captioned):
            if control.name not in heads:
                yield control.name, self._fitted(control)

    def _head(self, head: Attack, checkpoint: Path | None) -> Learned:
        key = same_training(head)
        if checkpoint is not None:
            checkpoint.parent.mkdir(exist_ok=True)
        if key not in self._heads:
            self._heads[key] = self._learn(head, checkpoint), checkpoint
        learned, kept = self._heads[key]
        if kept is not None and checkpoint is not None and kept != checkpoint and is_first(self._budget):
            shutil.copyfile(kept, checkpoint)
        return learned

    def _learn(self, head: Attack, checkpoint: Path | None) -> Learned:
        records = self._selection()
        return stronger_learner(head, self._data, self._budget, records, checkpoint=checkpoint, learner=self._learner)

    def _fitted(self, control: RecordControl) -> Learned:
        """A control that chooses nothing on val learns from it too."""
        if control.name not in self._of_records:
            view = self._data.view
            rows = [*self._data.train_rows, *view.splits.rows["val"]]
            self._of_records[control.name] = Learned(control.score(view.known, rows, self._data.folder)[None])
        return self._of_records[control.name]

    def _selection(self) -> Selection:
        rows = self._data.view.splits.rows
        return Selection(
            labels=np.array(self._data.view.known.members),
            train=self._data.train_rows,
            val=list(rows["val"]),
            calibration=list(rows["calibration"]),
        )
