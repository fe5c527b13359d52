"""Area under the ROC curve: its rank-based value, what an estimate of it says, and power."""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from lit_mia.errors import MetricError
from lit_mia.metrics.roc import BoolArray, FloatArray, check

POWER_FACTOR = 2.487  # normal quantiles of 0.95 (5 % one-sided) and 0.80 (power), summed


class Interval(NamedTuple):
    """A confidence interval, both ends included."""

    lo: float
    hi: float


class AucEstimate(NamedTuple):
    """An AUC with its confidence interval and standard error, all in [0, 1]; ends that cannot be said are None."""

    auc: float
    lo: float | None
    hi: float | None
    se: float

    @property
    def ci(self) -> Interval | None:
        """The confidence interval; None if it cannot be said."""
        return None if self.lo is None or self.hi is None else Interval(self.lo, self.hi)


class Difference(NamedTuple):
    """A paired difference of two AUCs, in [-1, 1].

    Attributes:
        delta: AUC of the first score minus AUC of the second.
        lo: Lower end of the confidence interval; None if it cannot be said.
        hi: Upper end of the confidence interval, likewise.
        se: Standard error of `delta`.
        p_greater: One-sided p-value of "the difference is at most 0": small if the first score is better.
    """

    delta: float
    lo: float | None
    hi: float | None
    se: float
    p_greater: float

    @property
    def ci(self) -> Interval | None:
        """The confidence interval; None if it cannot be said."""
        return None if self.lo is None or self.hi is None else Interval(self.lo, self.hi)


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
