"""What changed from one audit to another: AUCs before and after, with an interval, a test and what would be seen."""

from typing import NamedTuple

import numpy as np

from lit_mia.metrics.auc import Interval
from lit_mia.metrics.covariance import Components
from lit_mia.metrics.intervals import LEAST_GROUPS, Measured, is_near_end
from lit_mia.metrics.newcombe import newcombe_variance
from lit_mia.metrics.power import POWER

LEVEL = 0.05
"""Of the two-sided test of a change."""
_LEAST = 1e-6  # from which step on one is looked for: at an AUC of 1 there is no variance


class Change(NamedTuple):
    """A change of an AUC, after minus before, in [-1, 1].

    Attributes:
        delta: The change.
        ci: Its 95 % interval; None if that cannot be said.
        p: Two-sided p of no change; None without an interval.
        detectable: The change that would be seen four times in five, either way; None without an interval, or if none
            would be.
    """

    delta: float
    ci: Interval | None
    p: float | None
    detectable: float | None


def change_of(measured: Measured, before: int, after: int, tests: int = 1) -> Change:
    """The change from one AUC to another, by the t test of `lit_mia.metrics.intervals.auc_difference`.

    What would be seen is the step d towards 0.5 from the AUC before with `d = (t(1 - 0.05 / 2 / tests) + t(0.8)) s(d)`.
    The standard error s(d) is the one that belongs to the interval, with the variance that the AUC after would have
    there: that of an AUC grows towards 0.5, and Newcombe's (see `lit_mia.metrics.newcombe`) tells how fast.

    Args:
        measured: AUCs before and after; of the same records, or of `apart`.
        before: Place of the AUC before.
        after: Place of the AUC after.
        tests: How many changes are tested together: the smallest p has to be below 5 % / tests (Holm).
    """
    single = np.eye(len(measured.by_group.values))
    found = measured.difference(single[after], single[before])
    weights = single[after] - single[before]
    ranked_alike = found.delta == 0 == found.se and 0 < measured.value(single[before]) < 1
    if found.ci is None or ranked_alike:
        return Change(found.delta, None, None, None)
    other = measured.p_above_zero(-weights)
    p = min(1.0, 2 * min(found.p_greater, other))
    return Change(found.delta, found.ci, p, _detectable(measured, (before, after), found.ci, tests))


def change_beside(measured: Measured, before: tuple[int, int], after: tuple[int, int]) -> tuple[float, Interval | None]:
    """The change of a difference between an attack and its control, with a 95 % interval.

    There is no interval near AUCs of 0 and 1, where the standard error is not to be trusted.

    Args:
        measured: The four AUCs, among others.
        before: Places of attack and control before.
        after: Places of attack and control after.
    """
    from scipy.special import stdtrit

    single = np.eye(len(measured.by_group.values))
    weights = single[after[0]] - single[after[1]] - single[before[0]] + single[before[1]]
    delta, se = measured.value(weights), measured.se(weights)
    near = any(is_near_end(float(measured.by_group.values[place])) for place in (*before, *after))
    if near or not se or measured.fewest < LEAST_GROUPS:
        return delta, None
    reach = float(stdtrit(measured.by_group.degrees(weights), 1 - LEVEL / 2)) * se
    return delta, Interval(delta - reach, delta + reach)


def apart(first: Measured, second: Measured) -> Measured:
    """AUCs of different records, none of whose groups are the same: those of the first, then those of the second.

    Variances add up. Groups and records count as many as the smaller audit has, which makes intervals no narrower.
    """
    by_group, by_record = (
        _apart(*both) for both in ((first.by_group, second.by_group), (first.by_record, second.by_record))
    )
    return Measured(by_group, by_record, min(first.n1, second.n1), min(first.n0, second.n0))


def _apart(first: Components, second: Components) -> Components:
    from scipy.linalg import block_diag

    (m1, m0), (n1, n0) = first.counts, second.counts
    return Components(
        values=np.concatenate([first.values, second.values]),
        sides=np.stack([block_diag(*both) for both in zip(first.sides, second.sides, strict=True)]),
        shared=block_diag(first.shared, second.shared),
        counts=(min(m1, n1), min(m0, n0)),
        groups=min(first.groups, second.groups),
    )


def _detectable(measured: Measured, places: tuple[int, int], ci: Interval, tests: int) -> float | None:
    from scipy.optimize import brentq
    from scipy.special import stdtrit

    single, (before, after) = np.eye(len(measured.by_group.values)), places
    weights = single[after] - single[before]
    delta, se = measured.value(weights), measured.se(weights)
    if not se:
        return None
    degrees = measured.by_group.degrees(weights)
    stretch = max(delta - ci.lo, ci.hi - delta) / stdtrit(degrees, 1 - LEVEL / 2) / se  # above 1 near 0 and 1
    needed = stretch * (stdtrit(degrees, 1 - LEVEL / 2 / tests) + stdtrit(degrees, POWER))
    (start, now), ((a, both), (_, b)), *_ = measured.pair(before, after)
    towards = -1 if start >= 0.5 else 1

    def excess(step: float) -> float:
        there, here = (newcombe_variance(value, measured.n1, measured.n0) for value in (start + towards * step, now))
        ratio = there / here if here > 0 else 1.0
        return float(needed * np.sqrt(max(0.0, a + b * ratio - 2 * both * np.sqrt(ratio))) - step)

    least, most = _LEAST, max(start, 1 - start)
    return float(brentq(excess, least, most)) if excess(least) > 0 > excess(most) else None
