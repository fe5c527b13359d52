"""What changed from one audit to another, row by row."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from lit_mia.metrics.change.auc_change import LEVEL, change_beside, change_of
from lit_mia.metrics.holm import holm
from lit_mia.metrics.intervals import LEAST_GROUPS, Measured
from lit_mia.metrics.resampling import percentiles
from lit_mia.metrics.threshold import floor_reason, operating_point
from lit_mia.report.comparison.numbers import Area, Beside, ComparedRow, Finding, Moved, MovedRate
from lit_mia.report.comparison.samples import Samples
from lit_mia.report.fields import both_ends
from lit_mia.report.membership.schema import Row


def changed_rows(
    pairs: Sequence[tuple[Row, Row]], samples: Samples | None, fprs: Sequence[float]
) -> tuple[ComparedRow, ...]:
    """The change of every row that both audits have.

    Args:
        pairs: Each row in A and in B.
        samples: The records that the change is measured on; None if none is said.
        fprs: The false positive rates at which both took true positive rates.
    """
    rows = [
        ComparedRow(
            name=a.name,
            kind=a.kind,
            attack=a.attack,
            a=Area(a["auc"], a["auc_ci"]),
            b=Area(b["auc"], b["auc_ci"]),
            change=None,
            beside=None,
            tpr=(),
        )
        for a, b in pairs
    ]
    if samples is None:
        return tuple(rows)
    attacks = {row.name: place for place, row in enumerate(rows) if row.is_attack}
    moved = _moved(rows, samples.measured)
    beside = [
        None if row.is_attack else _beside(place, attacks.get(row.attack), samples.measured)
        for place, row in enumerate(rows)
    ]
    rates = _moved_rates(list(attacks.values()), samples, fprs)
    return tuple(
        replace(row, change=moved[place], beside=beside[place], tpr=rates.get(place, ()))
        for place, row in enumerate(rows)
    )


def _moved(rows: Sequence[ComparedRow], measured: Measured) -> list[Moved]:
    """The change of each row; p and what is said of attacks are adjusted for all of them."""
    m, single = len(rows), np.eye(2 * len(rows))
    attacks = sum(row.is_attack for row in rows)
    changes = [change_of(measured, place, m + place, attacks if row.is_attack else 1) for place, row in enumerate(rows)]
    tested = {
        row.name: change.p for row, change in zip(rows, changes, strict=True) if row.is_attack and change.p is not None
    }
    adjusted = holm(tested) if tested else {}
    moved = []
    for place, (row, change) in enumerate(zip(rows, changes, strict=True)):
        before, after = (
            Area(measured.value(single[at]), both_ends(*measured.shown(measured.limits(single[at]))))
            for at in (place, m + place)
        )
        p = adjusted.get(row.name) if row.is_attack else change.p
        moved.append(
            Moved(
                before=before,
                after=after,
                delta=change.delta,
                ci=change.ci,
                p=change.p,
                p_adjusted=adjusted.get(row.name) if row.is_attack else None,
                detectable=change.detectable,
                finding=_finding(change.ci, p),
            )
        )
    return moved


def _finding(ci: Sequence[float] | None, p: float | None) -> Finding:
    if ci is None or p is None:
        return "not said"
    if p > LEVEL or ci[0] <= 0 <= ci[1]:
        return "no difference seen"
    return "lower" if ci[1] < 0 else "higher"


def _beside(control: int, attack: int | None, measured: Measured) -> Beside | None:
    """The change of the difference between an attack and a control; None without the attack."""
    if attack is None:
        return None
    m = len(measured.by_group.values) // 2
    return Beside(*change_beside(measured, (attack, control), (m + attack, m + control)))


def _moved_rates(places: Sequence[int], samples: Samples, fprs: Sequence[float]) -> dict[int, tuple[MovedRate, ...]]:
    """Place of an attack → changes of its true positive rates that are above the floor on both sides."""
    outside = min(int(np.sum(of.labels == 0)) for of in (samples.a, samples.b))
    said = [fpr for fpr in fprs if floor_reason(outside, fpr) is None]
    if not said:
        return {}
    a, b = samples.rates(places, said)
    enough = samples.measured.fewest >= LEAST_GROUPS
    return {
        place: tuple(
            _moved_rate(place, samples, fpr, percentiles(drawn, 1 - LEVEL) if enough else None)
            for fpr, drawn in zip(said, b[number] - a[number], strict=True)
        )
        for number, place in enumerate(places)
    }


def _moved_rate(place: int, samples: Samples, fpr: float, ci: tuple[float, float] | None) -> MovedRate:
    before, after = (operating_point(of.scores[place], of.labels, fpr).tpr for of in (samples.a, samples.b))
    return MovedRate(fpr=fpr, before=before, after=after, delta=after - before, ci=ci)
