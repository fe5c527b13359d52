"""Limits of an AUC near 0 or 1, where its estimated variance says too little: method 5 of Newcombe (2006).

R. G. Newcombe, Confidence intervals for an effect size measure based on the Mann-Whitney statistic, part 2, Statistics
in Medicine 25, 559-573.
"""

import math
from typing import TypeVar

from lit_mia.metrics.auc import Interval
from lit_mia.metrics.roc import FloatArray

T = TypeVar("T", float, FloatArray)
_LAST = 1e-12  # how close to 0 and 1 a limit is looked for


def newcombe_variance(value: T, n1: float, n0: float) -> T:
    """Variance of an AUC estimate whose true value is `value`.

    Hanley and McNeil's (1982) variance with both class sizes, where they are not multiplied, replaced by their mean:
    `θ (1 - θ) (1 + N (1 - θ) / (2 - θ) + N θ / (1 + θ)) / (n1 n0)` with `N = (n1 + n0) / 2 - 1`. Nothing is estimated
    but θ, so it does not vanish with the few records that are in the wrong order near 0 and 1.

    Args:
        value: True AUC θ in [0, 1], or an array of them.
        n1: Number of members, at least 1; with groups of several records as many independent records as they are worth.
        n0: Number of non-members, likewise.
    """
    extra = (n1 + n0) / 2 - 1
    return value * (1 - value) * (1 + extra * ((1 - value) / (2 - value) + value / (1 + value))) / (n1 * n0)


def newcombe_limits(value: float, n1: float, n0: float, quantile: float) -> Interval:
    """The true AUCs from which the observed one is `quantile` standard errors away.

    Args:
        value: Observed AUC in [0, 1].
        n1: Number of members, at least 1; with groups of several records as many independent records as they are worth.
        n0: Number of non-members, likewise.
        quantile: Two-sided quantile, e.g. 1.96.
    """
    from scipy.optimize import brentq

    def excess(truth: float) -> float:
        return abs(truth - value) - quantile * math.sqrt(newcombe_variance(truth, n1, n0))

    lo = 0.0 if value == 0 else float(brentq(excess, 0.0, min(value, 1 - _LAST)))
    hi = 1.0 if value == 1 else float(brentq(excess, max(value, _LAST), 1.0))
    return Interval(lo, hi)
