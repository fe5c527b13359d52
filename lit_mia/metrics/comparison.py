"""An attack beside a control: paired difference, and how much better a shift would have to be read."""

import numpy as np
from numpy.typing import ArrayLike

from lit_mia.metrics.covariance import aucs
from lit_mia.metrics.evidence import Comparison
from lit_mia.metrics.intervals import auc_difference
from lit_mia.metrics.roc import FloatArray
from lit_mia.metrics.shift import SHIFT, p_beyond, ratio_bound


def compare(
    attack: FloatArray, control: FloatArray, labels: ArrayLike, groups: ArrayLike, *, mirrored: bool
) -> Comparison:
    """Compare an attack with a control of the same records.

    Where the difference has no interval, for want of groups, nothing is refused: both p are 1.

    Args:
        attack: Its scores, `[n]`.
        control: Its scores, `[n]`.
        labels: 1 = member, 0 = non-member, `[n]`.
        groups: Name of each record's group, `[n]`.
        mirrored: Whether the control, turned round, is one too.

    Raises:
        MetricError: See `lit_mia.metrics.covariance.aucs`.
    """
    difference = auc_difference(attack, control, labels, groups)
    if difference.lo is None:
        return Comparison(difference.delta, None, None, p_better=1.0, p_shift=1.0, ratio_lo=0.0, mirrored=mirrored)
    both, views = aucs(np.stack([attack, control]), labels, groups), (False, True) if mirrored else (False,)
    first, second = both.values
    better, shift = (
        max(float(p_beyond(first, second, both, factor=factor, mirrored=view)) for view in views)
        for factor in (1.0, SHIFT)
    )
    ratio = min(ratio_bound(both, view) for view in views)
    return Comparison(difference.delta, difference.lo, difference.hi, better, shift, ratio, mirrored)
