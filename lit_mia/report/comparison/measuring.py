"""From two finished audits to what changed."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path

import numpy as np

from lit_mia.errors import ReportError
from lit_mia.metrics.change.auc_change import LEVEL, apart, change_beside, change_of
from lit_mia.metrics.change.rate_draws import drawn_tpr
from lit_mia.metrics.holm import holm
from lit_mia.metrics.intervals import LEAST_GROUPS, Measured, measure
from lit_mia.metrics.resampling import percentiles
from lit_mia.metrics.roc import FloatArray
from lit_mia.metrics.threshold import floor_reason, operating_point
from lit_mia.report.comparison.differing import differing
from lit_mia.report.comparison.numbers import (
    Area,
    Beside,
    ComparedRow,
    Comparison,
    Finding,
    Matched,
    Moved,
    MovedRate,
    Side,
)
from lit_mia.report.comparison.records import IntArray, Judged, Names, Pairing
from lit_mia.report.membership import MembershipResult
from lit_mia.report.membership.notes import blocks, fpr_levels
from lit_mia.report.membership.schema import Row


@dataclass(frozen=True, eq=False)
class Sample:
    """The records of one audit that a change is measured on.

    Attributes:
        scores: Rows in the order of the comparison, `[m, n]`.
        labels: 1 = member, 0 = non-member, `[n]`.
        groups: Their groups, `[n]`.
    """

    scores: FloatArray
    labels: IntArray
    groups: Names


@dataclass(frozen=True, eq=False)
class Samples:
    """What the change of `m` rows is measured on; rows of the second audit are `m` places behind those of the first.

    Attributes:
        a: Of the first audit.
        b: Of the second.
        paired: Whether both are of the same records.
    """

    a: Sample
    b: Sample
    paired: bool

    @cached_property
    def measured(self) -> Measured:
        """The AUCs of all rows in A, then in B."""
        if self.paired:
            return measure(np.concatenate([self.a.scores, self.b.scores]), self.a.labels, self.a.groups)
        return apart(*(measure(of.scores, of.labels, of.groups) for of in (self.a, self.b)))

    def rates(self, places: Sequence[int], fprs: Sequence[float]) -> tuple[FloatArray, FloatArray]:
        """Resampled true positive rates of some rows in A and in B, `[rows, fprs, draws]`; paired as they are."""
        a, b = (
            drawn_tpr(of.scores[list(places)], of.labels, fprs, of.groups, seed=seed)
            for of, seed in ((self.a, 0), (self.b, 0 if self.paired else 1))
        )
        return a, b


def compare_audits(a: MembershipResult, b: MembershipResult, folders: tuple[Path, Path]) -> Comparison:
    """Two finished membership audits side by side.

    Args:
        a: The audit before.
        b: The audit after.
        folders: Where they are.

    Raises:
        ReportError: If they have no row in common, or a folder holds files of several audits.
    """
    theirs = {(row.name, row.kind): row for row in b.report.rows}
    ours = [row for block in blocks(a.report) for row in block]
    pairs = [(row, theirs[row.name, row.kind]) for row in ours if (row.name, row.kind) in theirs]
    if not any(row.kind == "attack" for row, _ in pairs):
        names = (", ".join(row.name for row in of.attacks) for of in (a, b))
        raise ReportError("The audits have no attack in common: A has {}; B has {}.".format(*names))
    first, second = (Judged.of(of, str(folder)) for of, folder in zip((a, b), folders, strict=True))
    pairing = Pairing.of(first, second)
    samples = _samples(pairing, (first, second), [row.name for row, _ in pairs])
    fprs = [fpr for fpr in fpr_levels(a.report.rows) if fpr in fpr_levels(b.report.rows)]
    members = int(pairing.labels.sum())
    shared = {(row.name, row.kind) for row, _ in pairs}
    return Comparison(
        created=datetime.now(UTC).date().isoformat(),
        a=_side(a, folders[0], first),
        b=_side(b, folders[1], second),
        matched=Matched(
            basis=pairing.basis,
            in_both=pairing.in_both,
            relabelled=pairing.relabelled,
            n_members=members,
            n_nonmembers=len(pairing.labels) - members,
            groups=len(np.unique(pairing.groups)),
        ),
        rows=_rows(pairs, samples, fprs),
        only_a=tuple(row.name for row in ours if (row.name, row.kind) not in shared),
        only_b=tuple(row.name for row in b.report.rows if (row.name, row.kind) not in shared),
        differing=differing(a.report, b.report),
    )


def _side(result: MembershipResult, folder: Path, judged: Judged) -> Side:
    report = result.report
    members, nonmembers = judged.counts
    return Side(
        folder=str(folder),
        name=report.name,
        created=report.created,
        design=report.design,
        coin=report.coin,
        access=report.target.get("access"),
        verdict=report.verdict,
        auc_needed=report.power["auc_needed"],
        n_members=members,
        n_nonmembers=nonmembers,
    )


def _samples(pairing: Pairing, sides: tuple[Judged, Judged], names: Sequence[str]) -> Samples | None:
    """What the change is measured on; None if none is said."""
    if pairing.basis == "none":
        return None
    whole = [np.stack([side.scores[name] for name in names]) for side in sides]
    if pairing.basis == "apart":
        a, b = (Sample(scores, side.labels, side.groups) for scores, side in zip(whole, sides, strict=True))
        return Samples(a, b, paired=False)
    a, b = (
        Sample(scores[:, rows], pairing.labels, pairing.groups)
        for scores, rows in zip(whole, pairing.rows, strict=True)
    )
    return Samples(a, b, paired=True)


def _rows(pairs: Sequence[tuple[Row, Row]], samples: Samples | None, fprs: Sequence[float]) -> tuple[ComparedRow, ...]:
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
            Area(measured.value(single[at]), _ci(measured.shown(measured.limits(single[at]))))
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


def _ci(ends: tuple[float | None, float | None]) -> list[float] | None:
    lo, hi = ends
    return None if lo is None or hi is None else [lo, hi]
