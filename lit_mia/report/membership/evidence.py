"""What the numbers of a row are computed from: scores of an attack or control on the splits."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lit_mia.metrics.auc import Difference
from lit_mia.metrics.verdict import Verdict
from lit_mia.records import Records
from lit_mia.splits import Splits

Scores = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class RowScores:
    """Raw scores of one row of the report, for all records of known membership.

    Attributes:
        name: `II-S` for an attack, `II-S blind` for one of its controls.
        kind: Name of its kind in `ROW_KINDS`.
        attack: Name of the attack it belongs to; of an attack, its own name.
        scores: `[seeds, n]`.
        protocol: How records were scored.
        setting: Timestep and the like, chosen on train and val; None where there is none.
        evaluations: Denoiser evaluations per record that the attack makes alone; None where not counted.
    """

    name: str
    kind: str
    attack: str
    scores: Scores
    protocol: str
    setting: str | None = None
    evaluations: int | None = None


@dataclass(frozen=True, eq=False)
class Part:
    """One split: its rows, labels and groups."""

    rows: NDArray[np.int64]
    labels: NDArray[np.int64]
    groups: NDArray[np.str_]

    @classmethod
    def of(cls, records: Records, splits: Splits, name: str) -> "Part":
        """A split by its name."""
        rows = np.array(splits.rows[name], dtype=np.int64)
        return cls(rows, np.array(records.members)[rows], np.array(records.groups)[rows])


@dataclass(frozen=True, eq=False)
class RowEvidence:
    """Everything that a column may compute the value of a row from.

    Attributes:
        row: The raw scores.
        combined: One score per record, `[n]`, of this row and all others by name: the mean over seeds, z-scored on
            calibration.
        val: The val split, which chooses.
        calibration: The calibration split, which sets thresholds.
        test: The test split, which is measured.
        differences: Control → paired difference of AUCs on test; empty for a control.
        verdict: The verdict.
    """

    row: RowScores
    combined: Mapping[str, Scores]
    val: Part
    calibration: Part
    test: Part
    differences: Mapping[str, Difference]
    verdict: Verdict

    def on(self, part: Part) -> Scores:
        """The combined scores of this row on a split."""
        return self.combined[self.row.name][part.rows]
