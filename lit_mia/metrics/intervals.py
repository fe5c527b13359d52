"""Confidence intervals of AUCs and of their differences, with the group as the unit.

`docs/intervals.md` says which interval is used where, and how often each holds the truth.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from lit_mia.metrics.auc import AucEstimate, Difference, Interval
from lit_mia.metrics.covariance import Aucs, Components, contributions, weighted_variance
from lit_mia.metrics.newcombe import newcombe_limits
from lit_mia.metrics.roc import FloatArray

LEAST_GROUPS = 10
"""Fewest groups of each class from which an interval is given."""
END = 0.05
"""How close to 0 or 1 an AUC is when its estimated variance alone is no longer trusted."""
_TAIL, _ROUNDING = 0.025, 1e-12


def auc_estimate(scores: ArrayLike, labels: ArrayLike, groups: ArrayLike | None = None) -> AucEstimate:
    """AUC, or the mean AUC of repetitions such as draws of the training records, with a 95 % interval.

    The interval is symmetric on the logit scale, with Obuchowski's standard error (see
    `lit_mia.metrics.covariance`; DeLong's if each group holds one record) and the t distribution of one degree less
    than the smaller number of groups. Within `END` of 0 or 1 it is extended to Newcombe's, for as many independent
    records as the groups are worth, and at 0 and 1 to the bound that is exact for one pair per group.

    Args:
        scores: Raw scores, `[n]`, or of several repetitions, `[repetitions, n]`.
        labels: 1 = member, 0 = non-member, `[n]`.
        groups: Name of each record's group, `[n]`; None if every record is its own group.

    Returns:
        The estimate; without an interval if all scores are equal or a class has fewer than `LEAST_GROUPS` groups.

    Raises:
        MetricError: See `lit_mia.metrics.roc.check`; or if a class has fewer than two groups.
    """
    rows = np.atleast_2d(np.asarray(scores, dtype=np.float64))
    measured = measure(rows, labels, groups)
    mean = np.full(len(rows), 1 / len(rows))
    lo, hi = measured.shown(measured.limits(mean))
    return AucEstimate(measured.value(mean), lo, hi, measured.se(mean))


def auc_difference(a: ArrayLike, b: ArrayLike, labels: ArrayLike, groups: ArrayLike | None = None) -> Difference:
    """AUC of `a` minus AUC of `b` on the same records, with a 95 % interval and a test; of repetitions their means.

    Interval and p are those of a t test with Satterthwaite's degrees of freedom. If one of the AUCs is within `END` of
    0 or 1 the interval is extended to the one that follows from both AUCs' own (method of variance estimates recovery,
    Zou 2007, Psychological Methods 12), as the standard error leaves out what an AUC of 1 does not show.

    Args:
        a: Scores of the attack, `[n]` or `[repetitions, n]`.
        b: Scores of the control for the same records, `[n]` or `[other repetitions, n]`.
        labels: 1 = member, 0 = non-member, `[n]`.
        groups: Name of each record's group, `[n]`; None if every record is its own group.

    Returns:
        The difference; without an interval if both rank all records alike or a class has fewer than `LEAST_GROUPS`
        groups.

    Raises:
        MetricError: See `lit_mia.metrics.roc.check`; or if a class has fewer than two groups.
    """
    first, second = (np.atleast_2d(np.asarray(scores, dtype=np.float64)) for scores in (a, b))
    measured = measure(np.concatenate([first, second]), labels, groups)
    ours = np.repeat([1 / len(first), 0], [len(first), len(second)])
    theirs = np.repeat([0, 1 / len(second)], [len(first), len(second)])
    return measured.difference(ours, theirs)


class Measured(NamedTuple):
    """AUCs of several scores, of which weighted sums are taken.

    Attributes:
        by_group: With the covariance of groups.
        by_record: With the covariance as if all records were independent.
        n1: Members.
        n0: Non-members.
    """

    by_group: Components
    by_record: Components
    n1: int
    n0: int

    def difference(self, ours: FloatArray, theirs: FloatArray) -> Difference:
        """See `auc_difference`; each side is the sum of the AUCs under its weights, `[m]`."""
        lo, hi = self.shown(self.difference_limits(ours, theirs))
        both = ours - theirs
        return Difference(self.value(both), lo, hi, self.se(both), self.p_above_zero(both))

    def pair(self, first: int, second: int) -> Aucs:
        """Two of the AUCs with the covariance of groups."""
        return Aucs(self.by_group.values, self.by_group.covariance, *self.by_group.counts).pair(first, second)

    def shown(self, ends: Interval) -> tuple[float | None, float | None]:
        """An interval, if there are groups enough for one and anything varied."""
        return ends if self.fewest >= LEAST_GROUPS and ends.lo < ends.hi else (None, None)

    @property
    def fewest(self) -> int:
        """Groups of the class that has fewer."""
        return min(self.by_group.counts)

    def value(self, weights: FloatArray) -> float:
        """A weighted sum of the AUCs."""
        total = float(weights @ self.by_group.values)
        return float(round(total)) if abs(total - round(total)) < _ROUNDING else total

    def se(self, weights: FloatArray) -> float:
        """Standard error of a weighted sum."""
        return math.sqrt(weighted_variance(weights, self.by_group.covariance))

    def limits(self, weights: FloatArray) -> Interval:
        """The interval of a mean AUC; only the AUC itself if all scores are equal."""
        from scipy.special import expit, logit, stdtrit

        value, se = self.value(weights), self.se(weights)
        quantile, ends = float(stdtrit(self.fewest - 1, 1 - _TAIL)), [value]
        if se > 0 and 0 < value < 1:
            reach = quantile * se / (value * (1 - value))
            ends += [float(expit(logit(value) - reach)), float(expit(logit(value) + reach))]
        if is_near_end(value):
            worth = self._worth(weights)
            ends += newcombe_limits(value, max(1.0, self.n1 * worth), max(1.0, self.n0 * worth), quantile)
        if value in (0, 1):
            ends += [abs(1 - value - _TAIL ** (1 / self.fewest))]
        return Interval(min(ends), max(ends))

    def difference_limits(self, ours: FloatArray, theirs: FloatArray) -> Interval:
        """The interval of the difference of two mean AUCs; only the difference itself if they are always equal."""
        from scipy.special import stdtrit

        weights = ours - theirs
        delta, se = self.value(weights), self.se(weights)
        reach = float(stdtrit(self.by_group.degrees(weights), 1 - _TAIL)) * se if se > 0 else 0.0
        ends = [delta - reach, delta, delta + reach]
        if is_near_end(self.value(ours)) or is_near_end(self.value(theirs)):
            ends += self._recovered(ours, theirs)
        return Interval(max(-1.0, min(ends)), min(1.0, max(ends)))

    def p_above_zero(self, weights: FloatArray) -> float:
        """One-sided p of "the weighted sum is at most 0"; where it is the same in every pair, of a sign test.

        If it were at most 0, a pair of a member and a non-member could show a difference δ > 0 with a chance of at
        most 1 / (1 + δ).
        """
        from scipy.special import stdtr

        value, se = self.value(weights), self.se(weights)
        if se > 0:
            return float(stdtr(self.by_group.degrees(weights), -value / se))
        return float((1 + value) ** -self.fewest) if value > 0 else 1.0

    def _recovered(self, ours: FloatArray, theirs: FloatArray) -> list[float]:
        (a, (a_lo, a_hi)), (b, (b_lo, b_hi)) = ((self.value(side), self.limits(side)) for side in (ours, theirs))
        spread = self.se(ours) * self.se(theirs)
        together = float(ours @ self.by_group.covariance @ theirs) / spread if spread > 0 else 0.0

        def distance(first: float, second: float) -> float:
            return math.sqrt(max(0.0, first**2 + second**2 - 2 * together * first * second))

        return [a - b - distance(a - a_lo, b_hi - b), a - b + distance(a_hi - a, b - b_lo)]

    def _worth(self, weights: FloatArray) -> float:
        """How many independent records a record is worth: 1 / design effect, at most 1."""
        by_group, by_record = (
            weighted_variance(weights, found.covariance) for found in (self.by_group, self.by_record)
        )
        if by_group > 0 and by_record > 0:
            return min(1.0, by_record / by_group)
        return self.by_group.groups / (self.n1 + self.n0)


def measure(scores: FloatArray, labels: ArrayLike, groups: ArrayLike | None) -> Measured:
    """AUCs of several scores, once for all sums and differences of them.

    Args:
        scores: Raw scores of the same records, `[m, n]`.
        labels: 1 = member, 0 = non-member, `[n]`.
        groups: Name of each record's group, `[n]`; None if every record is its own group.

    Raises:
        MetricError: See `lit_mia.metrics.roc.check`; or if a class has fewer than two groups.
    """
    found = contributions(scores, labels)
    n1 = int(found.is_member.sum())
    return Measured(found.over(groups), found.over(None), n1, len(found.is_member) - n1)


def is_near_end(auc: float) -> bool:
    """Whether an AUC is so close to 0 or 1 that its estimated variance alone is not trusted."""
    return min(auc, 1 - auc) <= END
