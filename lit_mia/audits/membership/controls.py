"""The controls of an audit that do without the target: each is learned once, whichever attacks it belongs to."""

import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import final

import numpy as np

from datamodules import JudgedDataModule
from lit_mia.attacks import Attack, Budget, same_training
from lit_mia.attacks.controls import Learned, RecordControl, Selection, counterpart, record_controls, stronger_learner


@final
class Controls:
    """Learns controls on the records of a datamodule.

    Args:
        data: The records; heads need their inputs prepared.
        budget: Length and seeds of networks.
    """

    def __init__(self, data: JudgedDataModule, budget: Budget) -> None:
        self._data, self._budget = data, budget
        self._heads: dict[str, tuple[Learned, Path]] = {}
        self._of_records: dict[str, Learned] = {}

    def of_attack(
        self, heads: Mapping[str, Attack], captioned: bool, checkpoint: Path
    ) -> Iterator[tuple[str, Learned]]:
        """The controls of one attack by kind.

        Args:
            heads: Those that are heads, by kind.
            captioned: Whether it is given captions.
            checkpoint: Where the attack's own head is, or would be; those of its controls are beside it.
        """
        checkpoint.parent.mkdir(exist_ok=True)
        for kind, head in heads.items():
            yield kind, self._head(head, counterpart(checkpoint, kind))
        for control in record_controls(captioned):
            if control.name not in heads:
                yield control.name, self._fitted(control)

    def _head(self, head: Attack, checkpoint: Path) -> Learned:
        key = same_training(head)
        if key not in self._heads:
            records = self._selection()
            learned = stronger_learner(head, self._data, self._budget, records, checkpoint=checkpoint)
            self._heads[key] = learned, checkpoint
        learned, kept = self._heads[key]
        if kept != checkpoint:
            shutil.copyfile(kept, checkpoint)
        return learned

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
