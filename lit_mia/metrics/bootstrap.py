"""AUC estimates where groups hold several records, or several repetitions score them; else DeLong's."""

import numpy as np
from numpy.typing import ArrayLike

from lit_mia.metrics.auc import (
    AucEstimate,
    Difference,
    auc,
    constant_auc,
    constant_difference,
    delong,
    delong_difference,
    p_above_half,
)
from lit_mia.metrics.resampling import IntArray, class_counts, independent_pairs, percentiles, resample
from lit_mia.metrics.roc import FloatArray, check_fractions

REPLICATES, SEED = 2000, 0


def auc_estimate(
    scores: ArrayLike, labels: ArrayLike, groups: ArrayLike | None = None, level: float = 0.95
) -> AucEstimate:
    """AUC with the interval that suits the groups: DeLong if each holds one record, else the group bootstrap.

    Args:
        scores: Raw scores, `[n]`.
        labels: 1 = member, 0 = non-member, `[n]`.
        groups: Name of each record's group, `[n]`; None if every record is its own group.
        level: Confidence level in (0, 1).

    Raises:
        MetricError: See `lit_mia.metrics.roc.check`; or if a class has fewer than two groups.
    """
    if groups is None or _all_single(groups):
        return delong(scores, labels, level)
    return bootstrap_auc(scores, labels, groups, level)


def auc_difference(
    a: ArrayLike, b: ArrayLike, labels: ArrayLike, groups: ArrayLike | None = None, level: float = 0.95
) -> Difference:
    """Paired AUC of `a` minus AUC of `b`: DeLong if each group holds one record, else the group bootstrap.

    Args:
        a: Scores of the attack, `[n]`.
        b: Scores of the control for the same records, `[n]`.
        labels: 1 = member, 0 = non-member, `[n]`.
        groups: Name of each record's group, `[n]`; None if every record is its own group.
        level: Confidence level in (0, 1).

    Raises:
        MetricError: See `lit_mia.metrics.roc.check`; or if a class has fewer than two groups.
    """
    if groups is None or _all_single(groups):
        return delong_difference(a, b, labels, level)
    return bootstrap_difference(a, b, labels, groups, level)


def p_auc_above_half(scores: ArrayLike, labels: ArrayLike, groups: ArrayLike | None = None) -> float:
    """One-sided p-value of "the AUC is at most 0.5": Mann-Whitney if each group holds one record, else the bootstrap.

    Args:
        scores: Raw scores, `[n]`.
        labels: 1 = member, 0 = non-member, `[n]`.
        groups: Name of each record's group, `[n]`; None if every record is its own group.

    Raises:
        MetricError: See `lit_mia.metrics.roc.check`; or if a class has fewer than two groups.
    """
    if groups is None or _all_single(groups):
        return p_above_half(scores, labels)
    return bootstrap_difference(scores, np.zeros(len(np.asarray(labels))), labels, groups).p_greater


def mean_auc(scores: ArrayLike, labels: ArrayLike, groups: ArrayLike) -> AucEstimate:
    """Mean AUC over repetitions (such as draws of the training records), with a 95 % interval.

    One repetition alone has the interval of `auc_estimate`; several have that of `bootstrap_auc`.

    Args:
        scores: Raw scores, `[repetitions, n]`.
        labels: 1 = member, 0 = non-member, `[n]`.
        groups: Name of each record's group, `[n]`.

    Raises:
        MetricError: See `lit_mia.metrics.roc.check`; or if a class has fewer than two groups.
    """
    repetitions = _repetitions(scores)
    if len(repetitions) == 1:
        return auc_estimate(repetitions[0], labels, groups)
    return bootstrap_auc(repetitions, labels, groups)


def mean_auc_difference(a: ArrayLike, b: ArrayLike, labels: ArrayLike, groups: ArrayLike) -> Difference:
    """Mean AUC of the repetitions `a` minus that of `b`, with a 95 % interval.

    One repetition each has the interval of `auc_difference`; several have that of `bootstrap_difference`.

    Args:
        a: Raw scores, `[repetitions, n]`.
        b: Raw scores of the same records, `[other repetitions, n]`.
        labels: 1 = member, 0 = non-member, `[n]`.
        groups: Name of each record's group, `[n]`.

    Raises:
        MetricError: See `lit_mia.metrics.roc.check`; or if a class has fewer than two groups.
    """
    first, second = _repetitions(a), _repetitions(b)
    if len(first) == len(second) == 1:
        return auc_difference(first[0], second[0], labels, groups)
    return bootstrap_difference(first, second, labels, groups)


def bootstrap_auc(
    scores: ArrayLike,
    labels: ArrayLike,
    groups: ArrayLike,
    level: float = 0.95,
    replicates: int = REPLICATES,
    seed: int = SEED,
) -> AucEstimate:
    """AUC with a percentile interval over resampled groups; the mean AUC of repetitions as they are.

    If all replicates are equal (AUC 0 or 1), `lit_mia.metrics.auc.constant_auc` is used with groups as its units.

    Args:
        scores: Raw scores, `[n]` or `[repetitions, n]`.
        labels: 1 = member, 0 = non-member, `[n]`.
        groups: Name of each record's group, `[n]`.
        level: Confidence level in (0, 1).
        replicates: Number of resamples.
        seed: Seed of the resampling.

    Raises:
        MetricError: See `lit_mia.metrics.roc.check`; or if a class has fewer than two groups.
    """
    check_fractions(level=level)
    repetitions = _repetitions(scores)
    value, pairs = _mean(repetitions, labels), independent_pairs(labels, groups)
    drawn = resample(lambda weights: _weighted_mean(repetitions, labels, weights), labels, groups, replicates, seed)
    if np.ptp(drawn) == 0:
        return constant_auc(value, pairs, level)
    return AucEstimate(value, *percentiles(drawn, level), float(drawn.std(ddof=1)))


def bootstrap_difference(
    a: ArrayLike,
    b: ArrayLike,
    labels: ArrayLike,
    groups: ArrayLike,
    level: float = 0.95,
    replicates: int = REPLICATES,
    seed: int = SEED,
) -> Difference:
    """AUC of `a` minus AUC of `b` over the same resampled groups; of repetitions their mean AUC.

    The interval is a percentile interval, the one-sided p is `(1 + #{difference <= 0}) / (1 + replicates)`. If all
    replicates are equal, `lit_mia.metrics.auc.constant_difference` is used with groups as its units.

    Args:
        a: Scores of the attack, `[n]` or `[repetitions, n]`.
        b: Scores of the control for the same records, `[n]` or `[other repetitions, n]`.
        labels: 1 = member, 0 = non-member, `[n]`.
        groups: Name of each record's group, `[n]`.
        level: Confidence level in (0, 1).
        replicates: Number of resamples.
        seed: Seed of the resampling.

    Raises:
        MetricError: See `lit_mia.metrics.roc.check`; or if a class has fewer than two groups.
    """
    check_fractions(level=level)
    first, second = _repetitions(a), _repetitions(b)
    delta, pairs = _mean(first, labels) - _mean(second, labels), independent_pairs(labels, groups)
    drawn = resample(
        lambda weights: _weighted_mean(first, labels, weights) - _weighted_mean(second, labels, weights),
        labels,
        groups,
        replicates,
        seed,
    )
    if np.ptp(drawn) == 0:
        return constant_difference(delta, pairs, level)
    p_greater = (1 + int(np.sum(drawn <= 0))) / (1 + replicates)
    return Difference(delta, *percentiles(drawn, level), float(drawn.std(ddof=1)), p_greater)


def weighted_auc(scores: ArrayLike, labels: ArrayLike, weights: IntArray) -> FloatArray:
    """AUC in each resample, `[r]`, from whole numbers: equal AUCs are equal to the last bit.

    Args:
        scores: Raw scores, `[n]`.
        labels: 1 = member, 0 = non-member, `[n]`.
        weights: Multiplicity of each record in each resample, `[r, n]`.
    """
    members, non_members = class_counts(scores, labels, weights)
    twice_below = 2 * np.cumsum(non_members, axis=1) - non_members
    twice_wins = np.sum(members * twice_below, axis=1)
    result: FloatArray = twice_wins / (2 * members.sum(axis=1) * non_members.sum(axis=1))
    return result


def _all_single(groups: ArrayLike) -> bool:
    names = np.asarray(groups)
    return len(np.unique(names)) == names.size


def _repetitions(scores: ArrayLike) -> FloatArray:
    """Scores `[n]` or `[repetitions, n]` as `[repetitions, n]`."""
    return np.atleast_2d(np.asarray(scores, dtype=np.float64))


def _mean(scores: FloatArray, labels: ArrayLike) -> float:
    return float(np.mean([auc(score, labels) for score in scores]))


def _weighted_mean(scores: FloatArray, labels: ArrayLike, weights: IntArray) -> FloatArray:
    """Mean AUC over repetitions in each resample, `[r]`."""
    mean: FloatArray = np.mean([weighted_auc(score, labels, weights) for score in scores], axis=0)
    return mean
