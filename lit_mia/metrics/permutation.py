"""What the best of several scores reaches by chance: the null distribution of the largest AUC."""

import numpy as np
from numpy.typing import ArrayLike

from lit_mia.errors import MetricError
from lit_mia.metrics.auc import midranks
from lit_mia.metrics.resampling import MEMBERS_ONLY, MIXED, IntArray, batch_sizes, group_compositions
from lit_mia.metrics.roc import BoolArray, FloatArray, check, check_fractions


def max_auc_null(
    scores: ArrayLike,
    labels: ArrayLike,
    groups: ArrayLike | None = None,
    n_permutations: int = 1000,
    seed: int = 0,
) -> FloatArray:
    """Largest AUC among `m` scores under permuted labels, one value per permutation, `[n_permutations]`.

    Labels are permuted among groups, so that a group keeps one label, if no group holds both classes; otherwise among
    records, which then have to be taken as independent.

    Args:
        scores: Raw scores of `m` heads for the same records, `[m, n]`.
        labels: 1 = member, 0 = non-member, `[n]`.
        groups: Name of each record's group, `[n]`; None if every record is its own group.
        n_permutations: Number of permutations.
        seed: Seed of the permutations.

    Raises:
        MetricError: If the shapes do not fit or there is no permutation; otherwise see `lit_mia.metrics.roc.check`.
    """
    values = np.asarray(scores, dtype=np.float64)
    if values.ndim != 2 or not len(values) or n_permutations < 1:
        raise MetricError(
            f"Scores must be [m, n] with m >= 1 and `n_permutations` >= 1, "
            f"but got shape {values.shape} and {n_permutations}."
        )
    checked = [check(row, labels) for row in values]
    ranks = np.stack([midranks(row) for row, _ in checked])
    rng = np.random.default_rng(seed)
    largest = []
    for size in batch_sizes(n_permutations, values.shape[1]):
        permuted = permuted_labels(checked[0][1], groups, size, rng)
        largest.append(_aucs(ranks, permuted).max(axis=0))
    return np.concatenate(largest)


def max_auc_null_quantile(
    scores: ArrayLike,
    labels: ArrayLike,
    groups: ArrayLike | None = None,
    n_permutations: int = 1000,
    seed: int = 0,
    q: float = 0.95,
) -> float:
    """Quantile `q` in (0, 1) of `max_auc_null`; the other arguments and errors are the same."""
    check_fractions(q=q)
    return float(np.quantile(max_auc_null(scores, labels, groups, n_permutations, seed), q))


def permuted_labels(labels: BoolArray, groups: ArrayLike | None, n: int, rng: np.random.Generator) -> BoolArray:
    """Labels `[records]` permuted among groups, or among records (see `max_auc_null`), `n` times: `[n, records]`."""
    unit_of, unit_labels = _units(labels, groups)
    permuted: BoolArray = rng.permuted(np.tile(unit_labels, (n, 1)), axis=1)[:, unit_of]
    return permuted


def _units(is_member: BoolArray, groups: ArrayLike | None) -> tuple[IntArray | slice, BoolArray]:
    """Where each record finds its label among the permuted ones, and the labels to permute."""
    if groups is None:
        return slice(None), is_member
    group_of, composition = group_compositions(is_member, groups)
    if np.any(composition == MIXED):
        return slice(None), is_member
    return group_of, composition == MEMBERS_ONLY


def _aucs(ranks: FloatArray, labels: BoolArray) -> FloatArray:
    """AUC of each of `m` rank vectors under each of `p` labellings: `[m, n]`, `[p, n]` to `[m, p]`."""
    n1 = labels.sum(axis=1)
    wins = ranks @ labels.T.astype(np.float64) - n1 * (n1 + 1) / 2
    result: FloatArray = wins / (n1 * (labels.shape[1] - n1))
    return result
