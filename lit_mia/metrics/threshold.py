"""Thresholds: how to choose one on calibration records, what it does once it is frozen, and the TPR at a low FPR.

A record is called a member where its score >= the threshold. Rates are shares of records, and their intervals take the
group as the unit (see `lit_mia.metrics.rates`).

Convention of the TPR at a low FPR: the largest achieved FPR <= the target, no interpolation (as LeakPro, Privacy Meter,
ART and CopyMark).
"""

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from lit_mia.errors import MetricError
from lit_mia.metrics.auc import Interval
from lit_mia.metrics.rates import clopper_pearson, rate_of, worth_of
from lit_mia.metrics.resampling import group_numbers
from lit_mia.metrics.roc import BoolArray, FloatArray, check, check_fractions, roc_curve

MIN_FALSE_POSITIVES = 10
NOMINAL_FPR = 0.1
"""The false-positive rate for which thresholds of heads and of reports are frozen."""


@dataclass(frozen=True)
class FrozenThreshold:
    """A threshold chosen on calibration records and applied, unchanged, to others.

    Attributes:
        threshold: Scores at or above it are called members.
        nominal_fpr: The false-positive rate it was chosen for.
        realised_fpr: Share of non-members called members.
        realised_fpr_ci: Its 95 % interval.
        tpr: Share of members called members.
        tpr_ci: Its 95 % interval.
    """

    threshold: float
    nominal_fpr: float
    realised_fpr: float
    realised_fpr_ci: Interval
    tpr: float
    tpr_ci: Interval


class Accuracy(NamedTuple):
    """A balanced accuracy with its 95 % confidence interval, all in [0, 1]."""

    value: float
    lo: float
    hi: float


class PredictiveValue(NamedTuple):
    """A positive predictive value with its interval, all in [0, 1]; None if no record is ever called a member."""

    value: float | None
    lo: float
    hi: float


class OperatingPoint(NamedTuple):
    """A point of the ROC curve."""

    tpr: float
    fpr: float


@dataclass(frozen=True)
class TprAtFpr:
    """TPR at the largest achieved FPR <= a target; an average over records, no claim about a single one.

    Attributes:
        tpr: The TPR, or None if there are too few non-members for the target.
        lo: Lower end of its interval, or None.
        hi: Upper end of its interval, or None.
        achieved_fpr: The FPR at which `tpr` was read off, or None.
        reason: Why `tpr` is None, or None.
    """

    tpr: float | None
    lo: float | None
    hi: float | None
    achieved_fpr: float | None
    reason: str | None


def balanced_threshold(scores: ArrayLike, labels: ArrayLike) -> float:
    """The threshold of the highest balanced accuracy, always finite.

    It lies midway between two neighbouring distinct scores; of several that are equally good the highest is taken.
    Where nothing is better than calling no record a member (e.g. all scores equal), it is just above all scores.

    Args:
        scores: Raw scores, `[n]`.
        labels: 1 = member, 0 = non-member, `[n]`.

    Raises:
        MetricError: See `lit_mia.metrics.roc.check`.
    """
    curve = roc_curve(scores, labels)
    n1, n0 = np.sum(np.asarray(labels) == 1), np.sum(np.asarray(labels) == 0)
    hits, false_alarms = np.rint(curve.tpr * n1), np.rint(curve.fpr * n0)
    best = int(np.argmax(hits * n0 - false_alarms * n1))  # whole numbers, so that ties are exact; argmax: the first
    if best == 0:
        return float(np.nextafter(curve.thresholds[1], np.inf))
    upper = float(curve.thresholds[best])
    lower = float(curve.thresholds[best + 1]) if best + 1 < len(curve.thresholds) else upper
    middle = lower / 2 + upper / 2
    return middle if lower < middle <= upper else upper


def threshold_at_fpr(scores_of_nonmembers: ArrayLike, fpr: float) -> float:
    """The smallest threshold at which at most a share `fpr` of these non-members are called members.

    It is a quantile of records, because the rates that it is measured by are shares of records; that records of a group
    move together makes it less certain but shifts it to neither side. How far it is off is not said by the nominal rate
    but by the realised one, measured on other records with the group as the unit.

    Args:
        scores_of_nonmembers: Raw scores, `[n]`.
        fpr: Allowed false-positive rate in (0, 1).

    Raises:
        MetricError: If there are no scores, one is not finite, or `fpr` is outside (0, 1).
    """
    check_fractions(fpr=fpr)
    falling = -np.sort(-np.asarray(scores_of_nonmembers, dtype=np.float64))
    if falling.ndim != 1 or not falling.size or not np.isfinite(falling).all():
        raise MetricError(
            f"A threshold at a false-positive rate needs a vector of finite scores of non-members, "
            f"but got shape {falling.shape} with {np.sum(~np.isfinite(falling))} that are not finite."
        )
    first_excluded = falling[allowed_false_positives(fpr, len(falling))]
    return float(np.nextafter(first_excluded, np.inf))


def allowed_false_positives(fpr: float, n_non_members: int) -> int:
    """Largest k with k / n <= fpr, forgiving the rounding of `fpr`; always less than n."""
    return min(int(fpr * n_non_members + 1e-9), n_non_members - 1)


def apply_threshold(
    threshold: float, nominal_fpr: float, scores: ArrayLike, labels: ArrayLike, *, groups: ArrayLike | None = None
) -> FrozenThreshold:
    """What a threshold frozen on calibration records does on these records.

    Args:
        threshold: Scores at or above it are called members.
        nominal_fpr: The false-positive rate it was chosen for.
        scores: Raw scores of records that played no part in choosing it, `[n]`.
        labels: 1 = member, 0 = non-member, `[n]`.
        groups: Name of each record's group, `[n]`; None if every record is its own group.

    Raises:
        MetricError: If a record lacks its group; otherwise see `lit_mia.metrics.roc.check`.
    """
    values, is_member = check(scores, labels)
    names = group_numbers(groups, len(values))
    fpr, tpr = (rate_of(values[side] >= threshold, names[side]) for side in (~is_member, is_member))
    return FrozenThreshold(threshold, nominal_fpr, fpr.value, fpr.ci, tpr.value, tpr.ci)


def balanced_accuracy(
    scores: ArrayLike, labels: ArrayLike, threshold: float, groups: ArrayLike | None = None
) -> Accuracy:
    """Mean of TPR and 1 - FPR at a frozen threshold, with a 95 % interval.

    The intervals of both rates are combined by the method of variance estimates recovery (Zou and Donner 2008,
    https://doi.org/10.1002/sim.3095): each end lies as far off as the root of the summed squares of the two distances.

    Args:
        scores: Raw scores of records that played no part in choosing the threshold, `[n]`.
        labels: 1 = member, 0 = non-member, `[n]`.
        threshold: Scores at or above it are called members.
        groups: Name of each record's group, `[n]`; None if every record is its own group.

    Raises:
        MetricError: If a record lacks its group; otherwise see `lit_mia.metrics.roc.check`.
    """
    at = apply_threshold(threshold, float("nan"), scores, labels, groups=groups)
    value = (at.tpr + 1 - at.realised_fpr) / 2
    below = np.hypot(at.tpr - at.tpr_ci.lo, at.realised_fpr_ci.hi - at.realised_fpr) / 2
    above = np.hypot(at.tpr_ci.hi - at.tpr, at.realised_fpr - at.realised_fpr_ci.lo) / 2
    return Accuracy(value, max(0.0, value - float(below)), min(1.0, value + float(above)))


def tpr_at_fpr(scores: ArrayLike, labels: ArrayLike, fpr: float, groups: ArrayLike | None = None) -> TprAtFpr:
    """TPR at the largest achieved FPR <= `fpr`, and its 95 % interval.

    The cut-off is found on the same records, so that two things are uncertain: the TPR at the cut-off, and the cut-off.
    The second is bounded by the cut-offs at both ends of the interval that a false-positive rate of `fpr` has among
    these non-members; both distances are combined as in `balanced_accuracy`. With fewer than 10 / `fpr` non-members
    there is no value but a reason.

    Args:
        scores: Raw scores, `[n]`.
        labels: 1 = member, 0 = non-member, `[n]`.
        fpr: Target false-positive rate in (0, 1).
        groups: Name of each record's group, `[n]`; None if every record is its own group.

    Raises:
        MetricError: If `fpr` is out of range or a record lacks its group; otherwise see `lit_mia.metrics.roc.check`.
    """
    check_fractions(fpr=fpr)
    values, is_member = check(scores, labels)
    names = group_numbers(groups, len(values))
    reason = floor_reason(int(np.sum(~is_member)), fpr)
    if reason:
        return TprAtFpr(None, None, None, None, reason)
    called = values > _cut_off(values, is_member, fpr)
    tpr, worth = rate_of(called[is_member], names[is_member]), worth_of(called[~is_member], names[~is_member])
    if not worth:
        return TprAtFpr(tpr.value, 0.0, 1.0, float(called[~is_member].mean()), None)
    low, high = (
        float(np.mean(values[is_member] > _cut_off(values, is_member, end)))
        for end in clopper_pearson(fpr * worth, worth)
    )
    below, above = np.hypot(tpr.value - tpr.ci.lo, tpr.value - low), np.hypot(tpr.ci.hi - tpr.value, high - tpr.value)
    lo, hi = max(0.0, tpr.value - float(below)), min(1.0, tpr.value + float(above))
    return TprAtFpr(tpr.value, lo, hi, float(called[~is_member].mean()), None)


def operating_point(scores: ArrayLike, labels: ArrayLike, fpr: float) -> OperatingPoint:
    """The last point of the ROC curve whose FPR is at most `fpr`.

    Args:
        scores: Raw scores, `[n]`.
        labels: 1 = member, 0 = non-member, `[n]`.
        fpr: Target false-positive rate in (0, 1).

    Raises:
        MetricError: If `fpr` is out of range; otherwise see `lit_mia.metrics.roc.check`.
    """
    check_fractions(fpr=fpr)
    values, is_member = check(scores, labels)
    called = values > _cut_off(values, is_member, fpr)
    return OperatingPoint(float(called[is_member].mean()), float(called[~is_member].mean()))


def floor_reason(n_non_members: int, fpr: float) -> str | None:
    """Why a TPR at `fpr` is not given for so few non-members, or None if there are at least 10 / `fpr`."""
    needed = math.ceil(MIN_FALSE_POSITIVES / fpr - 1e-9)
    if n_non_members >= needed:
        return None
    return (
        f"TPR at {fpr:.4g} FPR needs at least {needed} non-members (ten expected false positives), but there are "
        f"{n_non_members}; the floor here is 10/n0 = {MIN_FALSE_POSITIVES / n_non_members:.3g}."
    )


def positive_predictive_value(tpr: float, fpr: float, prior: float) -> float | None:
    """Share of true members among the records called members, by Bayes' rule; None if no record is ever called one.

    Args:
        tpr: True-positive rate in [0, 1].
        fpr: False-positive rate in [0, 1].
        prior: Share of members among the records one would ask about, in (0, 1).

    Raises:
        MetricError: If an argument is out of range.
    """
    check_fractions(prior=prior)
    for name, rate in (("tpr", tpr), ("fpr", fpr)):
        if not 0 <= rate <= 1:
            raise MetricError(f"`{name}` must be in [0, 1], but got {rate}.")
    called = tpr * prior + fpr * (1 - prior)
    return tpr * prior / called if called else None


def ppv_interval(tpr_ci: Interval, fpr_ci: Interval, prior: float) -> Interval:
    """Worst and best positive predictive value within the intervals of both rates.

    From two 95 % intervals the result covers with at least 90 %. An undefined end (no record ever called a member)
    becomes 0 or 1.

    Args:
        tpr_ci: Interval of the true-positive rate.
        fpr_ci: Interval of the false-positive rate.
        prior: Share of members among the records one would ask about, in (0, 1).

    Raises:
        MetricError: If an argument is out of range.
    """
    worst = positive_predictive_value(tpr_ci.lo, fpr_ci.hi, prior)
    best = positive_predictive_value(tpr_ci.hi, fpr_ci.lo, prior)
    return Interval(0.0 if worst is None else worst, 1.0 if best is None else best)


def predictive_value(frozen: FrozenThreshold, prior: float) -> PredictiveValue:
    """Positive predictive value of a frozen threshold, with the interval of `ppv_interval`.

    Args:
        frozen: The threshold and its rates.
        prior: Share of members among the records one would ask about, in (0, 1).

    Raises:
        MetricError: If `prior` is out of range.
    """
    ends = ppv_interval(frozen.tpr_ci, frozen.realised_fpr_ci, prior)
    return PredictiveValue(positive_predictive_value(frozen.tpr, frozen.realised_fpr, prior), *ends)


def _cut_off(values: FloatArray, is_member: BoolArray, fpr: float) -> float:
    """Above this score are at most a share `fpr` of the non-members, and at it more."""
    outside = values[~is_member]
    place = len(outside) - 1 - allowed_false_positives(fpr, len(outside))
    return float(np.partition(outside, place)[place])
