"""Would a shift between members and non-members explain an attack, if the attack read it better than a control does?

On the log odds of the AUC, L = ln(AUC / (1 - AUC)), a learner that reads a shift f times better than another one has
f times its L. An attack is beyond a control if its L is significantly above f times the control's.
"""

import numpy as np
from scipy.special import expit, logit, stdtr

from lit_mia.metrics.covariance import Aucs
from lit_mia.metrics.evidence import LEVEL
from lit_mia.metrics.newcombe import newcombe_variance
from lit_mia.metrics.roc import FloatArray

SHIFT = 1.5
"""How much better than a control an attack may read a shift."""
MOST = 100.0
"""The largest factor that is looked for."""
NEAR_ONE = 0.95
"""From here on the log odds are too steep for the delta method."""


def p_beyond(
    attack: FloatArray, control: FloatArray, aucs: Aucs, *, factor: float | FloatArray = SHIFT, mirrored: bool = False
) -> FloatArray:
    """One-sided p of "L of the attack is at most `factor` times L of the control", by the delta method and Student's t.

    From an AUC of 0.95 of the attack on, where L is steep, the AUC is compared with the one that has `factor` times the
    control's L, and the attack's variance is at least Newcombe's.

    Args:
        attack: AUC of the attack, `[r]` or a single one.
        control: AUC of the control, paired with it, the same shape.
        aucs: Covariance of the two, attack first, and numbers of groups.
        factor: How many times better the attack may read a shift; several for one pair.
        mirrored: Compare with 1 - AUC of the control instead.

    Returns:
        p of each pair; 1 where the attack's AUC cannot be told from the bound.
    """
    pairs = aucs.members * aucs.nonmembers
    a, c = (np.clip(value, 0.5 / pairs, 1 - 0.5 / pairs) for value in (attack, control))
    (own, shared), (_, other) = aucs.covariance
    if mirrored:
        c, shared = 1 - c, -shared
    by_attack, by_control, bound = 1 / (a * (1 - a)), factor / (c * (1 - c)), expit(factor * logit(c))
    on_logit = _t(
        logit(a) - factor * logit(c), own * by_attack**2, other * by_control**2, shared * by_attack * by_control
    )
    floored, slope = (
        np.maximum(own, newcombe_variance(a, aucs.members, aucs.nonmembers)),
        by_control * bound * (1 - bound),
    )
    on_auc = _t(a - bound, floored, other * slope**2, shared * slope)
    degrees = min(aucs.members, aucs.nonmembers) - 1
    p: FloatArray = stdtr(degrees, -np.where(a >= NEAR_ONE, on_auc, on_logit))
    return p


def ratio_bound(aucs: Aucs, mirrored: bool = False) -> float:
    """Lower 95 % bound of L of the attack over L of the control, one-sided: how much better a shift had to be read.

    Args:
        aucs: Attack and control, in this order.
        mirrored: See `p_beyond`.

    Returns:
        A factor between 0 and `MOST`: the smallest that `p_beyond` does not refuse.
    """
    factors = np.concatenate([np.linspace(0, 4, 401), np.geomspace(4, MOST, 401)[1:]])
    attack, control = aucs.values
    kept = factors[p_beyond(attack, control, aucs, factor=factors, mirrored=mirrored) > LEVEL]
    return float(kept.min(initial=MOST))


def _t(difference: FloatArray, first: FloatArray, second: FloatArray, shared: FloatArray) -> FloatArray:
    """The difference over its standard error, from two variances and their covariance; 0 if there is no difference."""
    with np.errstate(divide="ignore", invalid="ignore"):
        t = difference / np.sqrt(np.maximum(first + second - 2 * shared, 0.0))
    result: FloatArray = np.where(difference == 0, 0.0, t)
    return result
