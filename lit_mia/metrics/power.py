"""Power: the smallest effect that a test of this size would find."""

import math

from lit_mia.errors import MetricError

POWER_FACTOR = 2.487  # normal quantiles of 0.95 (5 % one-sided) and 0.80 (power), summed


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
