"""A head that reads the statistics of target and base side by side, and the same head on those of the base alone."""

from collections.abc import Sequence
from typing import final

import numpy as np

from lit_mia.attacks.calibration.base import Calibrated, CalibratedAttack, Floats, Learning, check_finite
from lit_mia.attacks.controls.boosting import NAME, boosted_scores
from lit_mia.attacks.controls.learning import Learned
from lit_mia.metrics.auc import auc

STRENGTHS = tuple(10.0**power for power in range(-3, 5))
"""Inverse strengths of the regularisation (scikit-learn's `C`) to choose from, of columns with a deviation of 1."""


@final
class BaseJoint(CalibratedAttack):
    """Log odds of a logistic regression on s_T and s_B together, learned on train, its regularisation chosen on val.

    The strength with the smallest log loss on val is taken: it moves with every record, where an AUC of a small val
    moves in steps and is often equal for several strengths. Unlike a difference, the head may weigh timesteps against
    each other and read what is common to both models; how much of its AUC is that, the head on the base alone says.

    Args:
        statistics: Statistics at all their settings; each pair of a statistic and a setting is one column.
    """

    form = "Joint head"

    def _calibrate(self, target: Floats, base: Floats, names: Sequence[str], learning: Learning) -> Calibrated:
        scores, strength = learned_head(np.hstack([target, base]), learning)
        return Calibrated(scores, f"C = {strength:g}")


def base_alone(base: Floats, learning: Learning) -> Learned:
    """The control of every calibrated attack: what the base's statistics say of membership without the target's.

    Learned by the head of `BaseJoint` and by gradient boosting; the one with the higher AUC on val counts, of equals
    the head.

    Args:
        base: The base's statistics, `[n, m]`.
        learning: What may be learned from.

    Raises:
        HeadError: If a statistic is not finite.
    """
    check_finite("The control of the base", base)
    head, _ = learned_head(base, learning)
    trees = boosted_scores(base, learning.labels, learning.train)
    val = list(learning.val)
    on_val = [auc(scores[val], learning.labels[val]) for scores in (head, trees)]
    return Learned(trees[None], NAME) if on_val[1] > on_val[0] else Learned(head[None])


def learned_head(features: Floats, learning: Learning) -> tuple[Floats, float]:
    """A logistic regression on standardised features, learned on train; C is that of the smallest log loss on val.

    Args:
        features: `[n, p]`.
        learning: What may be learned from; train and val hold members and non-members.

    Returns:
        Log odds, `[n]`, higher for members, and C.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    train, val = list(learning.train), list(learning.val)
    scaled = StandardScaler().fit(features[train]).transform(features)
    odds = [
        LogisticRegression(C=strength, solver="newton-cholesky", max_iter=1000)
        .fit(scaled[train], learning.labels[train])
        .decision_function(scaled)
        for strength in STRENGTHS
    ]
    signs = 2 * learning.labels[val] - 1
    best = int(np.argmin([np.logaddexp(0, -signs * scores[val]).mean() for scores in odds]))
    return odds[best], STRENGTHS[best]
