"""The numbers of an identity audit, from what the target and its controls recognised."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from lit_mia.attacks.identity import IdentityInference, Recognition
from lit_mia.metrics.identity import Rate, mean_over_people, null_bound, rate, recognised, within_null
from lit_mia.metrics.intervals import auc_estimate
from lit_mia.models import Fingerprint
from lit_mia.records import MEMBER, NON_MEMBER, UNKNOWN, People
from lit_mia.report.identity import AtImages, AtThreshold, GridCell, Half, IdentityRow, IdentityRowKind, PersonLine

GROUPS = 8
"""Most groups of occurrence counts; more counts are put together by quantiles."""
_OPPOSITE = {MEMBER: NON_MEMBER, NON_MEMBER: MEMBER, UNKNOWN: UNKNOWN}
_RULES: dict[IdentityRowKind, str] = {
    "target": "",
    "untrained": "Random weights have seen nobody: both rates within what chance allows.",
    "permuted names": "Faces were learned under other people's names: both rates within what chance allows.",
    "swapped membership": "Members and others exchanged: each half, and both must be there, is recognised only by "
    "the model trained on it.",
}


@dataclass(frozen=True, eq=False)
class Side:
    """The target or a control, and what it recognised.

    Attributes:
        kind: Which; also its name in the report.
        model: Fingerprint of the model.
        people: The people as members of this model's training data or not.
        found: What follows for all people, `[people, n, draws, …]`.
        images: Readable images of each person.
    """

    kind: IdentityRowKind
    model: Fingerprint
    people: People
    found: Recognition
    images: Sequence[int]

    def of(self, member: int) -> NDArray[np.int64]:
        """Rows of the people of some membership."""
        return np.flatnonzero(np.array(self.people.members) == member)

    def shares(self, threshold: int, at: int = -1) -> NDArray[np.float64]:
        """Share of the draws in which each person is called a member, at the n of some place (the last)."""
        return recognised(self.found.correct[:, at], threshold)

    def soft(self) -> NDArray[np.float64]:
        """Mean soft score of each person at the largest n."""
        means: NDArray[np.float64] = self.found.margin[:, -1].mean(axis=-1, dtype=np.float64)
        return means


def seen_by(kind: IdentityRowKind, people: People) -> People:
    """The people as a model saw them: a control's occurrences are unknown, and one has members and others swapped."""
    if kind == "target":
        return people
    members = [_OPPOSITE[m] for m in people.members] if kind == "swapped membership" else people.members
    return replace(people, members=tuple(members), occurrences=(None,) * len(people))


def stacked(found: Sequence[Recognition]) -> Recognition:
    """What follows for all people, from that for each."""
    return Recognition(**{name: np.stack([vars(one)[name] for one in found]) for name in vars(found[0])})


def identity_row(side: Side, attack: IdentityInference, pool: int, halves: Sequence[Half]) -> IdentityRow:
    """The row of the target or of a control.

    Args:
        side: What it recognised.
        attack: How it was asked.
        pool: Number of names M.
        halves: Of the swapped membership.
    """
    points = [_point(side, attack, pool, place) for place in range(len(attack.thresholds))]
    first = attack.thresholds[0]
    area, labels = None, np.array(side.people.members)
    if min(len(side.of(MEMBER)), len(side.of(NON_MEMBER))) >= 2:
        known = labels >= NON_MEMBER
        area = auc_estimate(side.soft()[known], labels[known])
    return IdentityRow(
        name=side.kind,
        kind=side.kind,
        model=dict(side.model),
        points=points,
        auc=area and area.auc,
        auc_ci=list(area.ci) if area and area.ci else None,
        by_images=[
            AtImages(n, *(_rate_of(side.shares(first, at)[side.of(member)]) for member in (MEMBER, NON_MEMBER)))
            for at, n in enumerate(attack.images)
        ],
        passes=_passes(side.kind, points[0], halves),
        rule=_RULES[side.kind],
    )


def halves_of(sides: Sequence[Side], threshold: int) -> list[Half]:
    """The same people before the target and before the model of swapped membership, if there is one.

    Args:
        sides: The target first, then its controls.
        threshold: Number of templates τ.
    """
    target = sides[0]
    return [
        _half(f"{label} of the target", target.of(member), trained, other, threshold=threshold)
        for swapped in sides
        if swapped.kind == "swapped membership"
        for label, member, trained, other in (
            ("members", MEMBER, target, swapped),
            ("non-members", NON_MEMBER, swapped, target),
        )
        if len(target.of(member))
    ]


def grid_of(target: Side, attack: IdentityInference) -> list[GridCell]:
    """TPR by number of images and occurrences; members of unknown occurrences are one group."""
    members = target.of(MEMBER)
    groups = occurrence_groups([target.people.occurrences[row] for row in members])
    return [
        GridCell(label, n, rate(target.shares(attack.thresholds[0], at)[members[places]]))
        for label, places in groups.items()
        for at, n in enumerate(attack.images)
    ]


def occurrence_groups(counts: Sequence[int | None]) -> dict[str, list[int]]:
    """Places by occurrences, rising: a group for each count, or for ranges of as many people if there are many."""
    known = sorted({count for count in counts if count is not None})
    edges = known
    if len(known) > GROUPS:
        values = [count for count in counts if count is not None]
        edges = sorted({int(edge) for edge in np.quantile(values, np.arange(GROUPS) / GROUPS, method="lower")})
    groups: dict[str, list[int]] = {}
    for low, high in pairwise([*edges, float("inf")]):
        places = [place for place, count in enumerate(counts) if count is not None and low <= count < high]
        most = max(counts[place] or 0 for place in places)
        groups[f"{low:.0f}" if most == low else f"{low:.0f}–{most}"] = places
    unknown = [place for place, count in enumerate(counts) if count is None]
    return groups | ({"unknown": unknown} if unknown else {})


def person_lines(side: Side, thresholds: Sequence[int]) -> list[PersonLine]:
    """A line for each person."""
    people, soft, templates = side.people, side.soft().tolist(), side.found.correct[:, -1].mean(axis=-1).tolist()
    shares = {threshold: side.shares(threshold).tolist() for threshold in thresholds}
    return [
        PersonLine(
            row=side.kind,
            name=name,
            member=people.members[i],
            occurrences=people.occurrences[i],
            images=side.images[i],
            templates=templates[i],
            margin=soft[i],
            recognised={threshold: shares[threshold][i] for threshold in thresholds},
        )
        for i, name in enumerate(people.names)
    ]


def _point(side: Side, attack: IdentityInference, pool: int, place: int) -> AtThreshold:
    threshold = attack.thresholds[place]
    shares, others = side.shares(threshold), side.of(NON_MEMBER)
    named = side.found.distinct[others if len(others) else slice(None), -1, :, place]
    return AtThreshold(
        threshold=threshold,
        tpr=_rate_of(shares[side.of(MEMBER)]),
        fpr=_rate_of(shares[others]),
        bound=null_bound(len(attack.templates), threshold, pool),
        expected=float(named.mean()) / pool,
    )


def _rate_of(shares: NDArray[np.float64]) -> Rate | None:
    return rate(shares) if len(shares) else None


def _passes(kind: IdentityRowKind, point: AtThreshold, halves: Sequence[Half]) -> bool | None:
    if kind == "target":
        return None
    if kind == "swapped membership":
        return all(half.passes for half in halves) if len(halves) == 2 else None
    measured = [found for found in (point.tpr, point.fpr) if found is not None]
    return all(within_null(found, point.bound) for found in measured) if measured else None


def _half(name: str, rows: NDArray[np.int64], trained: Side, other: Side, threshold: int) -> Half:
    hits, alarms = trained.shares(threshold)[rows], other.shares(threshold)[rows]
    tpr, fpr = rate(hits), rate(alarms)
    return Half(name, tpr, fpr, mean_over_people(hits - alarms), passes=tpr.lo > fpr.hi)
