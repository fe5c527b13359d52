"""From the scores of attacks and controls to the rows of the report and the verdict."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from lit_mia.metrics.auc import Difference, auc, mde_auc, mde_difference
from lit_mia.metrics.evidence import Design
from lit_mia.metrics.intervals import auc_difference
from lit_mia.metrics.permutation import max_auc_null, own_tests
from lit_mia.metrics.retrieval import Retrieval
from lit_mia.metrics.roc import combine_seeds
from lit_mia.metrics.verdict import AttackEvidence, Verdict, decide
from lit_mia.records import Records
from lit_mia.report.membership.columns import measured
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
        mde_auc: Smallest AUC told from 0.5 with 80 % power.
        mde_delta_auc: The same for the difference of attack and control; None without controls.
    """

    rows: list[Row]
    verdict: Verdict
    combined: dict[str, Scores]
    control_null: ControlNull | None
    mde_auc: float
    mde_delta_auc: float | None


def evaluate(
    rows: Sequence[RowScores],
    records: Records,
    splits: Splits,
    *,
    design: Design,
    placebo: bool,
    tools: Retrieval | None = None,
) -> Evaluation:
    """Evaluate all rows; thresholds and the strongest control come from val and calibration, the rest from test.

    Args:
        rows: Attacks and controls.
        records: The records of known membership.
        splits: Their splits.
        design: How the members came to be members.
        placebo: Whether the rows hold placebo controls.
        tools: How well captions find their own images; None if that was not checked.
    """
    val, calibration, test = (Part.of(records, splits, name) for name in ("val", "calibration", "test"))
    reference = np.zeros(len(records), dtype=bool)
    reference[calibration.rows] = True
    combined = {row.name: combine_seeds(row.scores, reference) for row in rows}
    differences = {row.name: _differences(row, rows, combined, test) for row in rows if row.kind == "attack"}
    least = mde_auc(int(np.sum(test.labels == 1)), int(np.sum(test.labels == 0)))
    deltas = [difference for of_attack in differences.values() for difference in of_attack.values()]
    mde = mde_difference(max(d.se for d in deltas)) if deltas else None
    on_test = np.stack([combined[row.name][test.rows] for row in rows])
    above = own_tests(on_test, test.labels, test.groups).above.tolist()
    p = {row.name: value for row, value in zip(rows, above, strict=True)}
    verdict = decide(
        [
            AttackEvidence(name, p[name], {control: d.p_greater for control, d in of_attack.items()})
            for name, of_attack in differences.items()
        ],
        {row.name: p[row.name] for row in rows if row.kind != "attack"},
        design=design,
        placebo=placebo,
        mde=least if mde is None else mde,
        tools_p=None if tools is None else tools.p,
    )
    evidence = [
        RowEvidence(
            row=row,
            combined=combined,
            val=val,
            calibration=calibration,
            test=test,
            differences=differences.get(row.name, {}),
            verdict=verdict,
        )
        for row in rows
    ]
    return Evaluation(
        rows=[Row(name=e.row.name, kind=e.row.kind, attack=e.row.attack, values=measured(e)) for e in evidence],
        verdict=verdict,
        combined=combined,
        control_null=_control_null([e.on(test) for e in evidence if e.row.kind != "attack"], test),
        mde_auc=least,
        mde_delta_auc=mde,
    )


def _differences(
    attack: RowScores, rows: Sequence[RowScores], combined: Mapping[str, Scores], test: Part
) -> dict[str, Difference]:
    """Paired difference of an attack to each of its controls on test."""
    own = combined[attack.name][test.rows]
    return {
        row.name: auc_difference(own, combined[row.name][test.rows], test.labels, test.groups)
        for row in rows
        if row.attack == attack.name and row.kind != "attack"
    }


def _control_null(controls: Sequence[Scores], test: Part) -> ControlNull | None:
    if not controls:
        return None
    null = max_auc_null(np.stack(controls), test.labels, test.groups, PERMUTATIONS)
    return {
        "max_control_auc": max(auc(control, test.labels) for control in controls),
        "quantile_95": float(np.quantile(null, 0.95)),
        "permutations": PERMUTATIONS,
    }
