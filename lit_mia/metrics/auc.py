"""Area under the ROC curve: rank-based value, DeLong intervals, paired differences, test against chance, and power."""

import math
from statistics import NormalDist
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from lit_mia.errors import MetricError
from lit_mia.metrics.roc import BoolArray, FloatArray, check, check_fractions

POWER_FACTOR = 2.487  # normal quantiles of 0.95 (5 % one-sided) and 0.80 (power), summed


class Interval(NamedTuple):
    """A confidence interval, both ends included."""

    lo: float
    hi: float


class AucEstimate(NamedTuple):
    """An AUC with its confidence interval and standard error, all in [0, 1]."""

    auc: float
    lo: float
    hi: float
    se: float


class Difference(NamedTuple):
    """A paired difference of two AUCs, in [-1, 1].

    Attributes:
        delta: AUC of the first score minus AUC of the second.
        lo: Lower end of the confidence interval.
        hi: Upper end of the confidence interval.
        se: Standard error of `delta`.
        p_greater: One-sided p-value of "the difference is at most 0": small if the first score is better.
    """

    delta: float
    lo: float
    hi: float
    se: float
    p_greater: float


def auc(scores: ArrayLike, labels: ArrayLike) -> float:
    """Chance that a random member scores higher than a random non-member; a tie counts half.

    Args:
        scores: Raw scores of any finite range, `[n]`.
        labels: 1 = member, 0 = non-member, `[n]`.

    Raises:
        MetricError: See `lit_mia.metrics.roc.check`.
    """
    values, is_member = check(scores, labels)
    n1 = int(is_member.sum())
    wins = midranks(values)[is_member].sum() - n1 * (n1 + 1) / 2
    return float(wins / (n1 * (len(values) - n1)))


def delong(scores: ArrayLike, labels: ArrayLike, level: float = 0.95) -> AucEstimate:
    """AUC with DeLong's interval `auc ± z·se`, cut at 0 and 1.

    DeLong, DeLong and Clarke-Pearson 1988, computed from midranks (Sun and Xu 2014,
    https://doi.org/10.1109/LSP.2014.2337313). Where the variance degenerates (AUC 0 or 1, or all scores equal) an exact
    bound takes its place: see `constant_auc`. Holds for independent records; for groups of several records see
    `lit_mia.metrics.bootstrap`.

    Args:
        scores: Raw scores, `[n]`.
        labels: 1 = member, 0 = non-member, `[n]`; at least two of each.
        level: Confidence level in (0, 1).

    Raises:
        MetricError: If a class has fewer than two records; otherwise see `lit_mia.metrics.roc.check`.
    """
    check_fractions(level=level)
    values, is_member = check(scores, labels)
    value, se = auc(values, is_member), _delong_se(*placements(values, is_member))
    if se == 0:
        return constant_auc(value, _pairs(is_member), level)
    reach = _quantile(level) * se
    return AucEstimate(value, max(0.0, value - reach), min(1.0, value + reach), se)


def delong_difference(a: ArrayLike, b: ArrayLike, labels: ArrayLike, level: float = 0.95) -> Difference:
    """AUC of `a` minus AUC of `b` on the same records, with DeLong's paired interval and test.

    Where the variance degenerates (e.g. `a` separates perfectly and `b` is constant) see `constant_difference`.

    Args:
        a: Scores of the first attack, `[n]`.
        b: Scores of the second attack or control for the same records, `[n]`.
        labels: 1 = member, 0 = non-member, `[n]`; at least two of each.
        level: Confidence level in (0, 1).

    Raises:
        MetricError: If a class has fewer than two records; otherwise see `lit_mia.metrics.roc.check`.
    """
    check_fractions(level=level)
    (first, is_member), (second, _) = check(a, labels), check(b, labels)
    delta = auc(first, is_member) - auc(second, is_member)
    members_a, non_members_a = placements(first, is_member)
    members_b, non_members_b = placements(second, is_member)
    se = _delong_se(members_a - members_b, non_members_a - non_members_b)
    if se == 0:
        return constant_difference(delta, _pairs(is_member), level)
    reach = _quantile(level) * se
    return Difference(delta, max(-1.0, delta - reach), min(1.0, delta + reach), se, NormalDist().cdf(-delta / se))


def p_above_half(scores: ArrayLike, labels: ArrayLike) -> float:
    """One-sided p-value of "the AUC is at most 0.5", from the Mann-Whitney null normal with correction for ties.

    The null standard error is used, not DeLong's, because it is exact under the null and never degenerates there.
    All scores equal give 1. Holds for independent records.

    Args:
        scores: Raw scores, `[n]`.
        labels: 1 = member, 0 = non-member, `[n]`.

    Raises:
        MetricError: See `lit_mia.metrics.roc.check`.
    """
    values, is_member = check(scores, labels)
    n, n1 = len(values), int(is_member.sum())
    ties = np.unique(values, return_counts=True)[1].astype(np.float64)
    if len(ties) == 1:
        return 1.0
    spread = n + 1 - np.sum(ties**3 - ties) / (n * (n - 1))
    se = float(np.sqrt(spread / (12 * n1 * (n - n1))))
    return NormalDist().cdf(-(auc(values, is_member) - 0.5) / se)


def constant_auc(value: float, pairs: int, level: float = 0.95) -> AucEstimate:
    """Exact interval for an AUC at which no comparison of a member with a non-member came out differently.

    Of `pairs` independent member/non-member pairs all had the outcome `value`, so by Clopper-Pearson the chance q of
    that outcome is at least `((1 - level) / 2) ** (1 / pairs)`; the rest may be anything, so the AUC lies in
    `[q·value, q·value + 1 - q]`. For AUC 1 this is the lower bound q. `se` is `(1 - q) / z`, the standard error of
    a normal interval that reaches as far.

    Args:
        value: The observed AUC: 0, 0.5 or 1.
        pairs: Number of independent pairs, the smaller of the two class sizes.
        level: Confidence level in (0, 1).
    """
    other = 1 - ((1 - level) / 2) ** (1 / pairs)
    lo = (1 - other) * value
    return AucEstimate(value, lo, lo + other, other / _quantile(level))


def constant_difference(delta: float, pairs: int, level: float = 0.95) -> Difference:
    """Exact interval and test for a difference that is the same in every pair; the bound of `constant_auc`.

    If the true difference were at most 0, a pair could show `delta` > 0 with a chance of at most `1 / (1 + delta)`,
    so p is that to the power of `pairs` (for `delta` = 1 the sign test).

    Args:
        delta: The observed difference in [-1, 1].
        pairs: Number of independent pairs, the smaller of the two class sizes.
        level: Confidence level in (0, 1).
    """
    other = 1 - ((1 - level) / 2) ** (1 / pairs)
    centre = (1 - other) * delta
    p_greater = (1 + delta) ** -pairs if delta > 0 else 1.0
    return Difference(delta, centre - other, centre + other, other / _quantile(level), p_greater)


def null_se(n1: int, n0: int) -> float:
    """Standard error of the AUC of a useless score without ties, `sqrt((n1 + n0 + 1) / (12 n1 n0))`.

    Args:
        n1: Number of members, at least 1.
        n0: Number of non-members, at least 1.

    Raises:
        MetricError: If a class is empty.
    """
    if n1 < 1 or n0 < 1:
        raise MetricError(f"Both classes need at least one record, but there are {n1} members and {n0} non-members.")
    return math.sqrt((n1 + n0 + 1) / (12 * n1 * n0))


def mde_auc(n1: int, n0: int) -> float:
    """Smallest true AUC found with 80 % power by a one-sided 5 % test against 0.5: `0.5 + 2.487 SE`, at most 1.

    Args:
        n1: Number of members, at least 1.
        n0: Number of non-members, at least 1.

    Raises:
        MetricError: If a class is empty.
    """
    return min(1.0, 0.5 + POWER_FACTOR * null_se(n1, n0))


def mde_difference(se: float) -> float:
    """Smallest true difference of two AUCs found with 80 % power by a one-sided 5 % test.

    Args:
        se: Standard error of the paired difference, at least 0.

    Raises:
        MetricError: If `se` is negative or not finite.
    """
    if not (math.isfinite(se) and se >= 0):
        raise MetricError(f"A standard error must be finite and not negative, but got {se}.")
    return POWER_FACTOR * se


def midranks(values: FloatArray) -> FloatArray:
    """Ranks from 1 to n, tied values sharing the mean of their ranks, `[n]` to `[n]`."""
    _, position, counts = np.unique(values, return_inverse=True, return_counts=True)
    middle: FloatArray = np.cumsum(counts) - (counts - 1) / 2
    return middle[position]


def placements(values: FloatArray, is_member: BoolArray) -> tuple[FloatArray, FloatArray]:
    """Per member the share of non-members below it, per non-member that of members above it, times n1·n0.

    The factor keeps the numbers whole or half, so that a degenerate variance is exactly 0.
    """
    n1, n0 = int(is_member.sum()), int(np.sum(~is_member))
    if min(n1, n0) < 2:
        raise MetricError(
            f"An interval needs at least two records of each class, but got {n1} members and {n0} non-members. "
            "Use a larger split."
        )
    overall = midranks(values)
    below = overall[is_member] - midranks(values[is_member])
    above = n1 - (overall[~is_member] - midranks(values[~is_member]))
    return below * n1, above * n0


def _delong_se(members: FloatArray, non_members: FloatArray) -> float:
    """Standard error from the (differences of) placements."""
    n1, n0 = len(members), len(non_members)
    variance = np.var(members, ddof=1) / n1 + np.var(non_members, ddof=1) / n0
    return float(np.sqrt(variance) / (n1 * n0))


def _pairs(is_member: BoolArray) -> int:
    return int(min(is_member.sum(), np.sum(~is_member)))


def _quantile(level: float) -> float:
    """Standard normal quantile of a two-sided interval, e.g. 1.96 for 0.95."""
    return NormalDist().inv_cdf((1 + level) / 2)
