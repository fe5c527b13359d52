"""Groups of records, and what resampling has in common.

Records of one group (near-duplicates, one artist, one person) are not independent, so a group moves as a whole.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lit_mia.batches import slices
from lit_mia.errors import MetricError
from lit_mia.metrics.roc import FloatArray

IntArray = NDArray[np.int64]

MEMBERS_ONLY, NON_MEMBERS_ONLY, MIXED = 1, 2, 3

_CELLS = 2_000_000  # numbers held at once: 16 MB per array


def group_numbers(groups: ArrayLike | None, n: int) -> IntArray:
    """A number from 0 for the group of each of `n` records; None if every record is its own group.

    Raises:
        MetricError: If a record lacks its group.
    """
    if groups is None:
        return np.arange(n)
    names = np.asarray(groups)
    if names.shape != (n,):
        raise MetricError(f"Each of the {n} records needs one group name, but got shape {names.shape}.")
    numbers: IntArray = np.unique(names, return_inverse=True)[1]
    return numbers


def group_compositions(labels: ArrayLike, groups: ArrayLike | None) -> tuple[IntArray, IntArray]:
    """Each record's group number `[n]`, and per group MEMBERS_ONLY, NON_MEMBERS_ONLY or MIXED `[groups]`."""
    is_member = np.asarray(labels) == 1
    group_of = group_numbers(groups, is_member.size)
    has_members = np.bincount(group_of, weights=is_member) > 0
    has_non_members = np.bincount(group_of, weights=~is_member) > 0
    return group_of, MEMBERS_ONLY * has_members + NON_MEMBERS_ONLY * has_non_members


def percentiles(drawn: FloatArray, level: float) -> tuple[float, float]:
    """Ends of the two-sided percentile interval of bootstrap replicates."""
    lo, hi = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2])
    return float(lo), float(hi)


def batch_sizes(total: int, width: int) -> Iterator[int]:
    """Split `total` rows of `width` numbers into batches that fit in memory; yields the rows of each."""
    return (rows.stop - rows.start for rows in slices(total, max(1, _CELLS // width)))
