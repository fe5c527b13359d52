"""An attack beside a control: paired difference, and how much better a shift would have to be read."""

import numpy as np

from lit_mia.metrics.evidence import Comparison
from lit_mia.metrics.intervals import Measured
from lit_mia.metrics.shift import SHIFT, p_beyond, ratio_bound


def compare(measured: Measured, attack: int, control: int, *, mirrored: bool) -> Comparison:
    """Compare an attack with a control of the same records.

    Where the difference has no interval, for want of groups or because both rank all records alike, nothing is refused:
    both p are 1.

    Args:
        measured: Their AUCs, among others.
        attack: Place of the attack.
        control: Place of the control.
        mirrored: Whether the control, turned round, is one too.
    """
    single = np.eye(len(measured.by_group.values))
    difference = measured.difference(single[attack], single[control])
    if difference.lo is None:
        return Comparison(difference.delta, None, None, p_better=1.0, p_shift=1.0, ratio_lo=0.0, mirrored=mirrored)
    both, views = measured.pair(attack, control), (False, True) if mirrored else (False,)
    first, second = both.values
    better, shift = (
        max(float(p_beyond(first, second, both, factor=factor, mirrored=view)) for view in views)
        for factor in (1.0, SHIFT)
    )
    ratio = min(ratio_bound(both, view) for view in views)
    return Comparison(difference.delta, difference.lo, difference.hi, better, shift, ratio, mirrored)
