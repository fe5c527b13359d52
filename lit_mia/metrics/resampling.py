"""Groups of records, and permutation of their labels.

Records of one group (near-duplicates, one artist, one person) are not independent, so a group moves as a whole.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lit_mia.errors import MetricError
from lit_mia.metrics.roc import BoolArray, FloatArray

IntArray = NDArray[np.int64]

MEMBERS_ONLY, NON_MEMBERS_ONLY, MIXED = 1, 2, 3

_CELLS = 2_000_000  # numbers held at once: 16 MB per array


def group_compositions(labels: ArrayLike, groups: ArrayLike) -> tuple[IntArray, IntArray]:
    """Each record's group number `[n]`, and per group MEMBERS_ONLY, NON_MEMBERS_ONLY or MIXED `[groups]`."""
    is_member, names = np.asarray(labels) == 1, np.asarray(groups)
    if names.shape != is_member.shape:
        raise MetricError(f"Each of the {is_member.size} records needs one group name, but got shape {names.shape}.")
    _, group_of = np.unique(names, return_inverse=True)
    has_members = np.bincount(group_of, weights=is_member) > 0
    has_non_members = np.bincount(group_of, weights=~is_member) > 0
    return group_of, MEMBERS_ONLY * has_members + NON_MEMBERS_ONLY * has_non_members


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
