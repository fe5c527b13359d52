"""Stub until the branch with intervals arrives."""

from lit_mia.metrics.roc import FloatArray


def newcombe_variance(value: FloatArray, n1: float, n0: float) -> FloatArray:
    """Variance of an AUC."""
    star = (n1 + n0) / 2 - 1
    return value * (1 - value) * (1 + star * ((1 - value) / (2 - value) + value / (1 + value))) / (n1 * n0)
