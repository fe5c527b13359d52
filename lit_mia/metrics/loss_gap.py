"""How much lower a model's losses are on the records that it is trained on than on those held out."""

import math
from typing import NamedTuple, final

import numpy as np
from numpy.typing import ArrayLike

from lit_mia.metrics.auc import AucEstimate
from lit_mia.metrics.covariance import Components, Contributions, weighted_variance
from lit_mia.metrics.intervals import LEAST_GROUPS, auc_estimate
from lit_mia.metrics.roc import FloatArray, check, combine_seeds

_TAIL = 0.025


@final
class Gap(NamedTuple):
    """Mean loss of held-out records minus that of the trained-on ones; above 0 = the training shows.

    Attributes:
        value: In the unit of the loss.
        lo: Lower end of its 95 % interval; None if it cannot be said.
        hi: Upper end, likewise.
    """

    value: float
    lo: float | None
    hi: float | None


@final
class Leak(NamedTuple):
    """What some losses of the same records say about who was trained on.

    Attributes:
        gap: Of each record's mean loss.
        gaps: Of each of the k losses.
        auc: Of a record's loss as a score, low = member: the mean over the k losses, each divided by its spread.
    """

    gap: Gap
    gaps: tuple[Gap, ...]
    auc: AucEstimate


def leak(losses: ArrayLike, members: ArrayLike, groups: ArrayLike | None = None) -> Leak:
    """How far losses tell the records that a model is trained on from others.

    For the AUC each of the k losses is standardised over all records, whoever they are: losses at different noises
    spread over records by very different amounts, and in their plain mean only the widest would be heard. Neither a
    weight nor a sign depends on who is a member. Gaps stay in the unit of the loss.

    Args:
        losses: `[n, k]`, or what else should be lower for members, such as the loss now minus the loss before.
        members: 1 = trained on, 0 = held out, `[n]`.
        groups: Name of each record's group, `[n]`; None if every record is its own group.

    Raises:
        MetricError: If a loss is not finite, a label is not 0 or 1, or a side has fewer than two groups.
    """
    values = np.asarray(losses, dtype=np.float64)
    mean, *each = loss_gaps(np.column_stack([values.mean(axis=1), values]), members, groups)
    scores = combine_seeds(-values.T, np.ones(len(values), dtype=bool))
    return Leak(mean, tuple(each), auc_estimate(scores, members, groups))


def loss_gaps(losses: ArrayLike, members: ArrayLike, groups: ArrayLike | None = None) -> list[Gap]:
    """The gap of each of k losses, with a t interval whose unit is the group.

    A mean over records is a ratio of sums over groups, whose variance is that of the groups' sums of deviations from
    the mean of their side (the linearised, or cluster-robust, variance); degrees of freedom are Satterthwaite's. Where
    each group holds one record this is Welch's interval. A group that holds both sides counts with the covariance of
    its parts.

    Args:
        losses: `[n, k]`.
        members: 1 = trained on, 0 = held out, `[n]`.
        groups: Name of each record's group, `[n]`; None if every record is its own group.

    Returns:
        k gaps; without an interval if a side has fewer than `LEAST_GROUPS` groups, or nothing varies.

    Raises:
        MetricError: See `leak`.
    """
    rows = [check(row, members) for row in np.asarray(losses, dtype=np.float64).T]
    is_member = rows[0][1]
    values = np.stack([row for row, _ in rows])
    means = [values[:, side].mean(axis=1, keepdims=True) for side in (is_member, ~is_member)]
    shares = np.where(is_member, means[0] - values, values - means[1])
    found = Contributions((means[1] - means[0])[:, 0], shares, is_member).over(groups)
    return [_gap(found, weights) for weights in np.eye(len(values))]


def _gap(found: Components, weights: FloatArray) -> Gap:
    from scipy.special import stdtrit

    value, variance = float(weights @ found.values), weighted_variance(weights, found.covariance)
    if variance <= 0 or min(found.counts) < LEAST_GROUPS:
        return Gap(value, None, None)
    reach = float(stdtrit(found.degrees(weights), 1 - _TAIL)) * math.sqrt(variance)
    return Gap(value, value - reach, value + reach)
