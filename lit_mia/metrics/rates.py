"""Exact intervals of rates, for records and for groups of records."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from lit_mia.errors import MetricError
from lit_mia.metrics.auc import Interval
from lit_mia.metrics.resampling import group_numbers
from lit_mia.metrics.roc import BoolArray, check_fractions

TAIL = 0.025


class Rate(NamedTuple):
    """A rate with its 95 % confidence interval, all in [0, 1]."""

    value: float
    ci: Interval


def rate_of(called: BoolArray, groups: ArrayLike | None = None) -> Rate:
    """The share of records for which something holds.

    The interval is Clopper and Pearson's for as many independent records as the groups are worth (see `worth_of`).

    Args:
        called: For which it holds, `[n]`, at least one record.
        groups: Name of each record's group, `[n]`; None if every record is its own group.
    """
    value, worth = float(np.mean(called)), worth_of(called, groups)
    return Rate(value, clopper_pearson(value * worth, worth) if worth else Interval(0.0, 1.0))


def worth_of(called: BoolArray, groups: ArrayLike | None = None) -> float:
    """How many independent records would tell a rate as well as these do, at most `n`; 0 for a single group.

    It is `n / d · (t(n - 1) / t(g - 1))²` of Korn and Graubard (1998, Survey Methodology 24, 193-201): the design
    effect d is the variance of the rate from the sums of `g` groups over that of independent records, and the quantiles
    of t allow for d being estimated. Where the rate is 0 or 1 nothing tells d, and a group counts as one record.

    Args:
        called: For which it holds, `[n]`.
        groups: Name of each record's group, `[n]`; None if every record is its own group.
    """
    from scipy.special import stdtrit

    n, rate = len(called), float(np.mean(called))
    group_of = group_numbers(groups, n)
    g = len(np.unique(group_of))
    if g in (1, n) or rate in (0, 1):
        return float(g) if g > 1 or n == 1 else 0.0
    excess = np.bincount(group_of, weights=called - rate)
    effect = g / (g - 1) * float(excess @ excess) / n**2 / (rate * (1 - rate) / (n - 1))
    allowance = float(stdtrit(n - 1, 1 - TAIL) / stdtrit(g - 1, 1 - TAIL)) ** 2
    return min(float(n), n / effect * allowance) if effect > 0 else float(n)


def clopper_pearson(k: float, n: float, level: float = 0.95) -> Interval:
    """Exact interval of a rate, from `k` of `n` independent trials (Clopper and Pearson 1934).

    Args:
        k: Number of successes, 0 to `n`; it need not be whole.
        n: Number of trials, above 0.
        level: Confidence level in (0, 1).

    Raises:
        MetricError: If `k`, `n` or `level` is out of range.
    """
    from scipy.special import betaincinv

    check_fractions(level=level)
    if not (n > 0 and 0 <= k <= n):
        raise MetricError(f"A rate needs 0 <= k <= n and n > 0, but got k = {k} and n = {n}.")
    tail = (1 - level) / 2
    lo = 0.0 if k == 0 else float(betaincinv(k, n - k + 1, tail))
    hi = 1.0 if k == n else float(betaincinv(k + 1, n - k, 1 - tail))
    return Interval(lo, hi)
