"""From the scores at the points of an ablation to rows per point and summaries per value of the axis."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from lit_mia.metrics.auc import auc
from lit_mia.metrics.intervals import auc_difference, auc_estimate
from lit_mia.report.ablation.rows import AblationRow, AblationSummary, HeadKind, Label, PointFacts, is_numeric

Head = tuple[str, HeadKind]
"""Name of an attack, and whether it or its blind control is meant."""
Scores = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class PointScores:
    """What was measured at one point.

    Attributes:
        facts: The point.
        ids: Ids of the n measured records, `[n]`.
        labels: 1 = member, 0 = non-member, `[n]`.
        groups: Name of each record's group, `[n]`.
        scores: Score of each record by each head, combined over seeds, `[n]`.
    """

    facts: PointFacts
    ids: NDArray[np.str_]
    labels: NDArray[np.int64]
    groups: NDArray[np.str_]
    scores: dict[Head, Scores]


def on_common_records(points: Sequence[PointScores]) -> list[PointScores]:
    """The points on the records that all of them have, in one order: a target may have refused some."""
    common = sorted(set.intersection(*(set(point.ids.tolist()) for point in points)))
    return [_at(point, common) for point in points]


def rows_of(points: Sequence[PointScores]) -> list[AblationRow]:
    """Every head at every point, with the interval of a single audit."""
    return [
        AblationRow(attack, kind, *auc_estimate(scores, point.labels, point.groups)[:3], point=point.facts)
        for point in points
        for (attack, kind), scores in point.scores.items()
    ]


def summaries_of(
    points: Sequence[PointScores], axis: str, baseline: Label | None = None, baseline_attack: str | None = None
) -> list[AblationSummary]:
    """Mean, range and difference to the baseline of every head at every value of the axis.

    Args:
        points: What was measured, all on the same records.
        axis: Key of the axis; points that have its value in common are repetitions.
        baseline: Value of the axis to which the differences of an attack are taken.
        baseline_attack: Attack to which the differences of the others are taken at the same value, instead.
    """
    labels, groups = points[0].labels, points[0].groups
    repetitions = _repetitions(points, axis)
    summaries = []
    for (head, value), scores in repetitions.items():
        other = _reference(head, value, baseline, baseline_attack)
        change = None if other is None else auc_difference(scores, repetitions[other], labels, groups)
        mean = auc_estimate(scores, labels, groups)
        each = [auc(score, labels) for score in scores]
        summaries.append(
            AblationSummary(
                *head,
                value=value,
                n=len(each),
                auc=mean.auc,
                auc_lo=mean.lo,
                auc_hi=mean.hi,
                auc_min=min(each),
                auc_max=max(each),
                delta=change and change.delta,
                delta_lo=change and change.lo,
                delta_hi=change and change.hi,
            )
        )
    return summaries


def _at(point: PointScores, ids: Sequence[str]) -> PointScores:
    place = {name: row for row, name in enumerate(point.ids.tolist())}
    rows = [place[name] for name in ids]
    return replace(
        point,
        ids=point.ids[rows],
        labels=point.labels[rows],
        groups=point.groups[rows],
        scores={head: scores[rows] for head, scores in point.scores.items()},
    )


def _repetitions(points: Sequence[PointScores], axis: str) -> dict[tuple[Head, Label], Scores]:
    """Scores `[repetitions, n]` of each head at each value: head by head, numbers ascending."""
    values = list(dict.fromkeys(point.facts.settings[axis] for point in points))
    ordered = sorted(values) if is_numeric(values) else values
    return {
        (head, value): np.stack([point.scores[head] for point in points if point.facts.settings[axis] == value])
        for head in points[0].scores
        for value in ordered
    }


def _reference(
    head: Head, value: Label, baseline: Label | None, baseline_attack: str | None
) -> tuple[Head, Label] | None:
    """What the difference is taken to; a control and the baseline itself have none."""
    attack, kind = head
    if kind != "attack":
        return None
    if baseline_attack is not None:
        return None if attack == baseline_attack else ((baseline_attack, kind), value)
    return None if baseline is None or value == baseline else (head, baseline)
