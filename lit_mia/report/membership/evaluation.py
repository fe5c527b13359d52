"""From the scores of attacks and controls to the rows of the report and the verdict."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lit_mia.metrics.auc import auc
from lit_mia.metrics.permutation import max_auc_null
from lit_mia.metrics.power import Power
from lit_mia.metrics.roc import combine_seeds
from lit_mia.metrics.verdict import Verdict
from lit_mia.records import Records
from lit_mia.report.membership.columns import measured
from lit_mia.report.membership.judging import Circumstances, Judgement, judge
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
        control_null: Largest control AUC against its permutation null; None without controls.
        power: What the verdict rule finds.
    """

    rows: list[Row]
    verdict: Verdict
    combined: dict[str, Scores]
    control_null: ControlNull | None
    power: Power


@dataclass(frozen=True, eq=False)
class Judged:
    """What the verdict rule says of an audit, and what it was told.

    Attributes:
        combined: Row → score of each record, `[n]`: the mean over seeds, z-scored on calibration.
        calibration: The split that thresholds come from.
        test: The split that is judged.
        judgement: What the rule says.
    """

    combined: dict[str, Scores]
    calibration: Part
    test: Part
    judgement: Judgement


def judged(rows: Sequence[RowScores], records: Records, splits: Splits, circumstances: Circumstances) -> Judged:
    """Combine the seeds of all rows, and judge the test split.

    Args:
        rows: Attacks and controls.
        records: The records of known membership.
        splits: Their splits.
        circumstances: What is known of the audit beside its scores.
    """
    calibration, test = (Part.of(records, splits, name) for name in ("calibration", "test"))
    reference = np.zeros(len(records), dtype=bool)
    reference[calibration.rows] = True
    combined = {row.name: combine_seeds(row.scores, reference) for row in rows}
    of_test = {name: scores[test.rows] for name, scores in combined.items()}
    return Judged(combined, calibration, test, judge(rows, of_test, test, circumstances))


def evaluate(rows: Sequence[RowScores], records: Records, splits: Splits, circumstances: Circumstances) -> Evaluation:
    """Evaluate all rows; thresholds come from calibration, the rest from test.

    Args:
        rows: Attacks and controls.
        records: The records of known membership.
        splits: Their splits.
        circumstances: What is known of the audit beside its scores.
    """
    told = judged(rows, records, splits, circumstances)
    judgement, test = told.judgement, told.test
    evidence = [
        RowEvidence(
            row=row,
            combined=told.combined,
            calibration=told.calibration,
            test=test,
            against=judgement.against.get(row.name, {}),
            p_own=judgement.p_own.get(row.name),
            verdict=judgement.verdict,
        )
        for row in rows
    ]
    return Evaluation(
        rows=[Row(name=e.row.name, kind=e.row.kind, attack=e.row.attack, values=measured(e)) for e in evidence],
        verdict=judgement.verdict,
        combined=told.combined,
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
