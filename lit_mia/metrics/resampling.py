"""Resampling of whole groups, stratified by class, and permutation of their labels.

Records of one group (near-duplicates, one artist, one person) are not independent, so a group is drawn as a whole.
"""

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lit_mia.errors import MetricError
from lit_mia.metrics.roc import BoolArray, FloatArray, check

IntArray = NDArray[np.int64]

MEMBERS_ONLY, NON_MEMBERS_ONLY, MIXED = 1, 2, 3

_CELLS = 2_000_000  # numbers held at once: 16 MB per array


def resample(
    statistic: Callable[[IntArray], FloatArray], labels: ArrayLike, groups: ArrayLike, replicates: int, seed: int
) -> FloatArray:
    """A statistic over `replicates` group resamples, `[replicates]`.

    Args:
        statistic: Maps multiplicities `[r, n]` (see `group_resamples`) to values `[r]`.
        labels: 1 = member, 0 = non-member, `[n]`.
        groups: Name of each record's group, `[n]`.
        replicates: Number of resamples, at least 2.
        seed: Seed of the resampling.
    """
    if replicates < 2:
        raise MetricError(f"`replicates` must be at least 2, but got {replicates}. 2000 is usual.")
    rng = np.random.default_rng(seed)
    sizes = batch_sizes(replicates, len(np.asarray(labels)))
    return np.concatenate([statistic(group_resamples(labels, groups, size, rng)) for size in sizes])


def group_resamples(labels: ArrayLike, groups: ArrayLike, n: int, rng: np.random.Generator) -> IntArray:
    """How often each record occurs in each of `n` resamples, `[n, records]`.

    As many groups are drawn with replacement as there are, separately among groups of members, groups of non-members
    and groups that hold both, so that no class can vanish.

    Args:
        labels: 1 = member, 0 = non-member, `[records]`.
        groups: Name of each record's group, `[records]`.
        n: Number of resamples.
        rng: Source of randomness.
    """
    group_of, composition = group_compositions(labels, groups)
    times = np.empty((n, len(composition)), dtype=np.int64)
    for stratum in np.unique(composition):
        among = np.flatnonzero(composition == stratum)
        drawn = rng.integers(len(among), size=(n, len(among))) + len(among) * np.arange(n)[:, None]
        times[:, among] = np.bincount(drawn.ravel(), minlength=n * len(among)).reshape(n, len(among))
    return times[:, group_of]


def group_compositions(labels: ArrayLike, groups: ArrayLike) -> tuple[IntArray, IntArray]:
    """Each record's group number `[n]`, and per group MEMBERS_ONLY, NON_MEMBERS_ONLY or MIXED `[groups]`."""
    is_member, names = np.asarray(labels) == 1, np.asarray(groups)
    if names.shape != is_member.shape:
        raise MetricError(f"Each of the {is_member.size} records needs one group name, but got shape {names.shape}.")
    _, group_of = np.unique(names, return_inverse=True)
    has_members = np.bincount(group_of, weights=is_member) > 0
    has_non_members = np.bincount(group_of, weights=~is_member) > 0
    return group_of, MEMBERS_ONLY * has_members + NON_MEMBERS_ONLY * has_non_members


def independent_pairs(labels: ArrayLike, groups: ArrayLike) -> int:
    """Member/non-member pairs that share no group: what a class has in groups, mixed groups pairing within.

    Raises:
        MetricError: If there are fewer than two.
    """
    _, composition = group_compositions(labels, groups)
    members, non_members, mixed = (int(np.sum(composition == c)) for c in (MEMBERS_ONLY, NON_MEMBERS_ONLY, MIXED))
    pairs = mixed + min(members, non_members)
    if pairs < 2:
        raise MetricError(
            f"An interval needs at least two groups of each class, but got {members} groups of members, {non_members} "
            f"of non-members and {mixed} of both. Use a larger split."
        )
    return pairs


def class_counts(scores: ArrayLike, labels: ArrayLike, weights: IntArray) -> tuple[IntArray, IntArray]:
    """Weighted members and non-members at each of the `d` distinct scores, rising, both `[r, d]`.

    Args:
        scores: Raw scores, `[n]`.
        labels: 1 = member, 0 = non-member, `[n]`.
        weights: Multiplicity of each record in each resample, `[r, n]`.
    """
    values, is_member = check(scores, labels)
    order = np.argsort(values)
    starts = np.flatnonzero(np.diff(values[order], prepend=-np.inf))
    ordered = weights[:, order]
    members = np.add.reduceat(ordered * is_member[order], starts, axis=1)
    return members, np.add.reduceat(ordered, starts, axis=1) - members


def percentiles(drawn: FloatArray, level: float) -> tuple[float, float]:
    """Ends of the two-sided percentile interval of bootstrap replicates."""
    lo, hi = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2])
    return float(lo), float(hi)


def batch_sizes(total: int, width: int) -> Iterator[int]:
    """Split `total` rows of `width` numbers into batches that fit in memory; yields the rows of each."""
    size = max(1, _CELLS // width)
    for start in range(0, total, size):
        yield min(size, total - start)


def permuted_labels(labels: BoolArray, groups: ArrayLike | None, n: int, rng: np.random.Generator) -> BoolArray:
    """Labels `[records]` permuted `n` times among groups, or records if a group holds both: `[n, records]`."""
    unit_of, unit_labels = _units(labels, groups)
    return rng.permuted(np.tile(unit_labels, (n, 1)), axis=1)[:, unit_of]


def _units(is_member: BoolArray, groups: ArrayLike | None) -> tuple[IntArray | slice, BoolArray]:
    """Where each record finds its label among the permuted ones, and the labels to permute."""
    if groups is None:
        return slice(None), is_member
    group_of, composition = group_compositions(is_member, groups)
    if np.any(composition == MIXED):
        return slice(None), is_member
    return group_of, composition == MEMBERS_ONLY
