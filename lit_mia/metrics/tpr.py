"""True-positive rate at a low false-positive rate.

Convention: the largest achieved FPR <= the target, no interpolation (as LeakPro, Privacy Meter, ART and CopyMark).
"""

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from lit_mia.metrics.resampling import IntArray, class_counts, percentiles, resample
from lit_mia.metrics.roc import FloatArray, check, check_fractions
from lit_mia.metrics.threshold import allowed_false_positives, clopper_pearson

MIN_FALSE_POSITIVES = 10


class OperatingPoint(NamedTuple):
    """A point of the ROC curve."""

    tpr: float
    fpr: float


@dataclass(frozen=True)
class TprAtFpr:
    """TPR at the largest achieved FPR <= a target; an average over records, no claim about a single one.

    Attributes:
        target_fpr: The asked FPR.
        tpr: The TPR, or None if there are too few non-members for the target.
        lo: Lower end of its interval, or None.
        hi: Upper end of its interval, or None.
        achieved_fpr: The FPR at which `tpr` was read off, or None.
        reason: Why `tpr` is None, or None.
    """

    target_fpr: float
    tpr: float | None
    lo: float | None
    hi: float | None
    achieved_fpr: float | None
    reason: str | None


def tpr_at_fpr(
    scores: ArrayLike,
    labels: ArrayLike,
    fpr: float,
    groups: ArrayLike | None = None,
    level: float = 0.95,
    replicates: int = 2000,
    seed: int = 0,
) -> TprAtFpr:
    """TPR at the largest achieved FPR <= `fpr`, and its interval from a stratified group bootstrap.

    Each resample finds its cut-off anew. With fewer than 10 / `fpr` non-members there is no value but a reason. If all
    replicates are equal (TPR 0 or 1), the interval is Clopper-Pearson's over the groups that hold members.

    Args:
        scores: Raw scores, `[n]`.
        labels: 1 = member, 0 = non-member, `[n]`.
        fpr: Target false-positive rate in (0, 1).
        groups: Name of each record's group, `[n]`; None if every record is its own group.
        level: Confidence level in (0, 1).
        replicates: Number of resamples.
        seed: Seed of the resampling.

    Raises:
        MetricError: If `fpr` or `level` is out of range; otherwise see `lit_mia.metrics.roc.check`.
    """
    check_fractions(fpr=fpr, level=level)
    values, is_member = check(scores, labels)
    reason = floor_reason(int(np.sum(~is_member)), fpr)
    if reason:
        return TprAtFpr(fpr, None, None, None, None, reason)
    names = np.arange(len(values)) if groups is None else np.asarray(groups)
    tpr, achieved = operating_point(values, is_member, fpr)
    drawn = resample(lambda weights: _tprs(values, is_member, weights, fpr), is_member, names, replicates, seed)
    lo, hi = percentiles(drawn, level)
    if np.ptp(drawn) == 0:
        n_groups = len(np.unique(names[is_member]))
        lo, hi = clopper_pearson(round(tpr * n_groups), n_groups, level)
    return TprAtFpr(fpr, tpr, lo, hi, achieved, None)


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
    falling = np.sort(values[~is_member])[::-1]
    called = values > falling[allowed_false_positives(fpr, len(falling))]
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


def _tprs(values: FloatArray, is_member: ArrayLike, weights: IntArray, fpr: float) -> FloatArray:
    """TPR in each resample, `[r]`, each at its own cut-off."""
    members, non_members = class_counts(values, is_member, weights)
    hits, false_alarms = (np.cumsum(counts[:, ::-1], axis=1) for counts in (members, non_members))
    allowed = np.floor(fpr * false_alarms[:, -1:] + 1e-9)
    result: FloatArray = np.max(hits * (false_alarms <= allowed), axis=1) / hits[:, -1]
    return result
