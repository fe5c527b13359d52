"""The mean AUC of repetitions (such as draws of the training records) that score the same records."""

import numpy as np
from numpy.typing import ArrayLike

from lit_mia.metrics.auc import AucEstimate, Difference, auc, constant_auc, constant_difference
from lit_mia.metrics.bootstrap import auc_difference, auc_estimate, weighted_auc
from lit_mia.metrics.resampling import independent_pairs, percentiles, resample
from lit_mia.metrics.roc import FloatArray

LEVEL, REPLICATES, SEED = 0.95, 2000, 0


def mean_auc(scores: ArrayLike, labels: ArrayLike, groups: ArrayLike) -> AucEstimate:
    """Mean AUC over repetitions; its 95 % interval is over resampled groups, at the repetitions as they are.

    One repetition alone has the interval of `auc_estimate`.

    Args:
        scores: Raw scores, `[repetitions, n]`.
        labels: 1 = member, 0 = non-member, `[n]`.
        groups: Name of each record's group, `[n]`.

    Raises:
        MetricError: See `lit_mia.metrics.roc.check`; or if a class has fewer than two groups.
    """
    repetitions = np.asarray(scores, dtype=np.float64)
    if len(repetitions) == 1:
        return auc_estimate(repetitions[0], labels, groups, LEVEL)
    value, drawn = _mean(repetitions, labels), _resampled(repetitions, labels, groups)
    if np.ptp(drawn) == 0:
        return constant_auc(value, independent_pairs(labels, groups), LEVEL)
    return AucEstimate(value, *percentiles(drawn, LEVEL), float(drawn.std(ddof=1)))


def mean_auc_difference(a: ArrayLike, b: ArrayLike, labels: ArrayLike, groups: ArrayLike) -> Difference:
    """Mean AUC of the repetitions `a` minus that of `b`, with a 95 % interval over the same resampled groups.

    One repetition each has the interval of `auc_difference`.

    Args:
        a: Raw scores, `[repetitions, n]`.
        b: Raw scores of the same records, `[other repetitions, n]`.
        labels: 1 = member, 0 = non-member, `[n]`.
        groups: Name of each record's group, `[n]`.

    Raises:
        MetricError: See `lit_mia.metrics.roc.check`; or if a class has fewer than two groups.
    """
    first, second = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    if len(first) == len(second) == 1:
        return auc_difference(first[0], second[0], labels, groups, LEVEL)
    delta = _mean(first, labels) - _mean(second, labels)
    drawn = _resampled(first, labels, groups) - _resampled(second, labels, groups)  # one seed: the same resamples
    if np.ptp(drawn) == 0:
        return constant_difference(delta, independent_pairs(labels, groups), LEVEL)
    p_greater = (1 + int(np.sum(drawn <= 0))) / (1 + REPLICATES)
    return Difference(delta, *percentiles(drawn, LEVEL), float(drawn.std(ddof=1)), p_greater)


def _mean(scores: FloatArray, labels: ArrayLike) -> float:
    return float(np.mean([auc(score, labels) for score in scores]))


def _resampled(scores: FloatArray, labels: ArrayLike, groups: ArrayLike) -> FloatArray:
    """Mean AUC in each resample, `[REPLICATES]`."""
    return resample(
        lambda weights: np.mean([weighted_auc(score, labels, weights) for score in scores], axis=0),
        labels,
        groups,
        REPLICATES,
        SEED,
    )
