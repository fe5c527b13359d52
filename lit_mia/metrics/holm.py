"""Holm's step-down correction of several tests (Holm 1979)."""

from collections.abc import Mapping

import numpy as np

from lit_mia.metrics.roc import FloatArray


def holm(p: Mapping[str, float]) -> dict[str, float]:
    """Adjusted p-values, in the order given.

    The i-th smallest of m is multiplied by m - i + 1, made monotone and cut at 1.

    Args:
        p: Named p-values in [0, 1].
    """
    return dict(zip(p, holm_adjusted(np.array([[*p.values()]]))[0].tolist(), strict=True))


def holm_adjusted(p: FloatArray) -> FloatArray:
    """Adjusted p-values of each row by itself, `[r, k]` to `[r, k]`; see `holm`.

    Args:
        p: p-values in [0, 1], `[r, k]`.
    """
    order = np.argsort(p, axis=1)
    rising = np.take_along_axis(p, order, axis=1) * np.arange(p.shape[1], 0, -1)
    adjusted = np.empty_like(p)
    np.put_along_axis(adjusted, order, np.minimum(1.0, np.maximum.accumulate(rising, axis=1)), axis=1)
    return adjusted
