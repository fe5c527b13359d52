"""From the scores of heads and controls to the rows of the report and the verdict."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lit_mia.metrics.auc import Difference, auc
from lit_mia.metrics.bootstrap import auc_difference, auc_estimate, p_auc_above_half
from lit_mia.metrics.permutation import max_auc_null
from lit_mia.metrics.power import mde_auc, mde_difference
from lit_mia.metrics.retrieval import Retrieval
from lit_mia.metrics.seeds import combine_seeds
from lit_mia.metrics.threshold import (
    NOMINAL_FPR,
    apply_threshold,
    balanced_accuracy,
    balanced_threshold,
    threshold_at_fpr,
)
from lit_mia.metrics.tpr import tpr_at_fpr
from lit_mia.metrics.verdict import AttackEvidence, Design, Verdict, decide
from lit_mia.records import Records
from lit_mia.report.schema import ControlNull, Row, RowKind, TprPoint
from lit_mia.splits import Splits

FPRS = (0.1, 0.01, 0.001)
PERMUTATIONS = 2000


@dataclass(frozen=True, eq=False)
class RowScores:
    """Raw scores `[seeds, n]` of one row of the report, for all records of known membership.

    A row of a training-free attack also says which setting was chosen, and how many denoiser evaluations per record it
    makes alone.
    """

    name: str
    kind: RowKind
    attack: str
    scores: NDArray[np.float64]
    setting: str | None = None
    evaluations: int | None = None


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
    combined: dict[str, NDArray[np.float64]]
    control_null: ControlNull | None
    mde_auc: float
    mde_delta_auc: float | None


@dataclass(frozen=True, eq=False)
class Part:
    """One split: its rows, labels and groups."""

    rows: NDArray[np.int64]
    labels: NDArray[np.int64]
    groups: NDArray[np.str_]


def evaluate(
    rows: list[RowScores],
    records: Records,
    splits: Splits,
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
    part = {name: _part(records, splits, name) for name in ("val", "calibration", "test")}
    calibration = np.zeros(len(records), dtype=bool)
    calibration[part["calibration"].rows] = True
    combined = {row.name: combine_seeds(row.scores, calibration) for row in rows}
    differences = {row.name: _differences(row, rows, combined, part["test"]) for row in rows if row.kind == "attack"}
    deltas = [difference for of_attack in differences.values() for difference in of_attack.values()]
    mde = mde_difference(max(d.se for d in deltas)) if deltas else None
    test = part["test"]
    least = mde_auc(int(np.sum(test.labels == 1)), int(np.sum(test.labels == 0)))
    significance = {row.name: p_auc_above_half(combined[row.name][test.rows], test.labels, test.groups) for row in rows}
    verdict = decide(
        [
            AttackEvidence(name, significance[name], {control: d.p_greater for control, d in of_attack.items()})
            for name, of_attack in differences.items()
        ],
        {row.name: significance[row.name] for row in rows if row.kind != "attack"},
        design,
        placebo,
        least if mde is None else mde,
        None if tools is None else tools.p,
    )
    return Evaluation(
        rows=[_row(row, combined, part, differences.get(row.name), verdict) for row in rows],
        verdict=verdict,
        combined=combined,
        control_null=_control_null(rows, combined, test),
        mde_auc=least,
        mde_delta_auc=mde,
    )


def _part(records: Records, splits: Splits, name: str) -> Part:
    rows = np.array(splits.rows[name], dtype=np.int64)
    return Part(rows, np.array(records.members)[rows], np.array(records.groups)[rows])


def _differences(
    attack: RowScores, rows: list[RowScores], combined: dict[str, NDArray[np.float64]], test: Part
) -> dict[str, Difference]:
    """Paired difference of an attack to each of its controls on test."""
    own = combined[attack.name][test.rows]
    return {
        row.name: auc_difference(own, combined[row.name][test.rows], test.labels, test.groups)
        for row in rows
        if row.attack == attack.name and row.kind != "attack"
    }


def _row(
    row: RowScores,
    combined: dict[str, NDArray[np.float64]],
    part: dict[str, Part],
    differences: dict[str, Difference] | None,
    verdict: Verdict,
) -> Row:
    score, test, calibration = combined[row.name], part["test"], part["calibration"]
    estimate = auc_estimate(score[test.rows], test.labels, test.groups)
    threshold = balanced_threshold(score[calibration.rows], calibration.labels)
    accuracy = balanced_accuracy(score[test.rows], test.labels, threshold)
    cut = threshold_at_fpr(score[calibration.rows][calibration.labels == 0], NOMINAL_FPR)
    frozen = apply_threshold(cut, NOMINAL_FPR, score[test.rows], test.labels)
    return Row(
        name=row.name,
        kind=row.kind,
        attack=row.attack,
        setting=row.setting,
        evaluations=row.evaluations,
        auc=estimate.auc,
        auc_ci=[estimate.lo, estimate.hi],
        tpr_at_fpr=[_tpr_point(score, test, fpr) for fpr in FPRS],
        accuracy=accuracy.value,
        accuracy_ci=[accuracy.lo, accuracy.hi],
        threshold=threshold,
        n_members=int(np.sum(test.labels == 1)),
        n_nonmembers=int(np.sum(test.labels == 0)),
        auc_per_seed=[auc(seed[test.rows], test.labels) for seed in row.scores],
        frozen_threshold={
            "nominal_fpr": frozen.nominal_fpr,
            "threshold": frozen.threshold,
            "realised_fpr": frozen.realised_fpr,
            "realised_fpr_ci": list(frozen.realised_fpr_ci),
            "tpr": frozen.tpr,
            "tpr_ci": list(frozen.tpr_ci),
        },
        **_against_controls(row.name, combined, part["val"], differences, verdict),
    )


def _against_controls(
    name: str,
    combined: dict[str, NDArray[np.float64]],
    val: Part,
    differences: dict[str, Difference] | None,
    verdict: Verdict,
) -> dict[str, Any]:
    """What an attack's row says about its controls; nothing for a control or an attack without any."""
    if not differences:
        return {}
    strongest = max(differences, key=lambda control: auc(combined[control][val.rows], val.labels))
    delta = differences[strongest]
    return {
        "delta_auc": delta.delta,
        "delta_auc_ci": [delta.lo, delta.hi],
        "strongest_control": strongest,
        "p_vs_control": {control: difference.p_greater for control, difference in differences.items()},
        "p_adjusted": verdict.adjusted_p[name],
        "beats_controls": name in verdict.beats,
    }


def _tpr_point(score: NDArray[np.float64], test: Part, fpr: float) -> TprPoint:
    point = tpr_at_fpr(score[test.rows], test.labels, fpr, test.groups)
    ci = None if point.lo is None or point.hi is None else [point.lo, point.hi]
    return {"fpr": fpr, "tpr": point.tpr, "ci": ci, "achieved_fpr": point.achieved_fpr, "reason": point.reason}


def _control_null(rows: list[RowScores], combined: dict[str, NDArray[np.float64]], test: Part) -> ControlNull | None:
    controls = [combined[row.name][test.rows] for row in rows if row.kind != "attack"]
    if not controls:
        return None
    null = max_auc_null(np.stack(controls), test.labels, test.groups, PERMUTATIONS)
    return {
        "max_control_auc": max(auc(control, test.labels) for control in controls),
        "quantile_95": float(np.quantile(null, 0.95)),
        "permutations": PERMUTATIONS,
    }
