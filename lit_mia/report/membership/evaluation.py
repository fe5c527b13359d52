"""From the scores of attacks and controls to the rows of the report and the verdict."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from lit_mia.metrics.auc import auc
from lit_mia.metrics.permutation import max_auc_null
from lit_mia.metrics.power import Power
from lit_mia.metrics.roc import combine_seeds
from lit_mia.metrics.verdict import Verdict
from lit_mia.queries.progress import progress
from lit_mia.records import Records
from lit_mia.report.membership.columns import measured
from lit_mia.report.membership.judging import Circumstances, judge
from lit_mia.report.membership.schema import ControlNull, Row
from lit_mia.report.membership.scores import Part, RowEvidence, RowScores, Scores
from lit_mia.splits import Splits

PERMUTATIONS = 2000


@dataclass(frozen=True, eq=False)
class Evaluation:
    """The numbers of an audit.

    Attributes:
        rows: Rows of the report.
        verdict: The verdict.
        combined: Row → score of each record, `[n]`: the mean over seeds, z-scored on calibration.
        control_null: Largest control AUC against its null; None without controls.
        power: What the verdict rule finds.
    """

    rows: list[Row]
    verdict: Verdict
    combined: dict[str, Scores]
    control_null: ControlNull | None
    power: Power


@dataclass(frozen=True, eq=False)
class Combined:
    """The scores that count.

    Attributes:
        scores: Row → score of each record, `[n]`: the mean over seeds, z-scored on calibration.
        calibration: The split that thresholds come from.
        test: The split that is judged.
    """

    scores: dict[str, Scores]
    calibration: Part
    test: Part

    @classmethod
    def of(cls, rows: Sequence[RowScores], records: Records, splits: Splits) -> Self:
        """Combine the seeds of all rows.

        Args:
            rows: Attacks and controls.
            records: The records of known membership.
            splits: Their splits.
        """
        calibration, test = (Part.of(records, splits, name) for name in ("calibration", "test"))
        reference = np.zeros(len(records), dtype=bool)
        reference[calibration.rows] = True
        return cls({row.name: combine_seeds(row.scores, reference) for row in rows}, calibration, test)

    @property
    def on_test(self) -> dict[str, Scores]:
        """Row → score of each record of test."""
        return {name: scores[self.test.rows] for name, scores in self.scores.items()}


def evaluate(rows: Sequence[RowScores], records: Records, splits: Splits, circumstances: Circumstances) -> Evaluation:
    """Evaluate all rows; thresholds come from calibration, the rest from test.

    Args:
        rows: Attacks and controls.
        records: The records of known membership.
        splits: Their splits.
        circumstances: What is known of the audit beside its scores.
    """
    combined = Combined.of(rows, records, splits)
    test = combined.test
    judgement = judge(rows, combined.on_test, test, circumstances)
    evidence = [
        RowEvidence(
            row=row,
            combined=combined.scores,
            calibration=combined.calibration,
            test=test,
            against=judgement.against.get(row.name, {}),
            p_own=judgement.p_own.get(row.name),
            verdict=judgement.verdict,
        )
        for row in rows
    ]
    with progress("evaluate", len(evidence), "rows") as bar:
        measured_rows = [
            Row(name=e.row.name, kind=e.row.kind, attack=e.row.attack, values=measured(e)) for e in bar.over(evidence)
        ]
    return Evaluation(
        rows=measured_rows,
        verdict=judgement.verdict,
        combined=combined.scores,
        control_null=_control_null([e.on(test) for e in evidence if e.row.kind != "attack"], test),
        power=judgement.power,
    )


def _control_null(controls: Sequence[Scores], test: Part) -> ControlNull | None:
    if not controls:
        return None
    null = max_auc_null(np.stack(controls), test.labels, test.groups, PERMUTATIONS)
    return {
        "max_control_auc": max(auc(control, test.labels) for control in controls),
        "quantile_95": float(np.quantile(null, 0.95)),
        "permutations": PERMUTATIONS,
    }
