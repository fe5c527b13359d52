"""AUCs of several scores about the same records, and how far they vary together."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lit_mia.errors import MetricError
from lit_mia.metrics.auc import auc, placements
from lit_mia.metrics.roc import BoolArray, FloatArray, check


class Aucs(NamedTuple):
    """AUCs of `m` scores with their covariance.

    Attributes:
        values: `[m]`, in [0, 1].
        covariance: `[m, m]`.
        members: Groups that hold members.
        nonmembers: Groups that hold non-members; a group may hold both.
    """

    values: FloatArray
    covariance: FloatArray
    members: int
    nonmembers: int


def aucs(scores: ArrayLike, labels: ArrayLike, groups: ArrayLike | None = None) -> Aucs:
    """AUCs of several scores with the covariance of Obuchowski for clustered records (Biometrics 53, 1997).

    Where each group holds one record it is that of DeLong, DeLong and Clarke-Pearson (1988). Both add up how much of an
    AUC each record contributes; records of a group are summed before they are squared.

    Args:
        scores: Raw scores of `m` attacks or controls for the same records, `[m, n]`.
        labels: 1 = member, 0 = non-member, `[n]`.
        groups: Name of each record's group, `[n]`; None if every record is its own group.

    Raises:
        MetricError: If a class has fewer than two groups; otherwise see `lit_mia.metrics.roc.check`.
    """
    checked = [check(row, labels) for row in np.atleast_2d(np.asarray(scores, dtype=np.float64))]
    is_member = checked[0][1]
    values = np.array([auc(row, is_member) for row, _ in checked])
    group_of = _numbers(groups, len(is_member))
    shares = np.stack([_shares(row, is_member) for row, _ in checked])  # [m, n], centred on the AUC
    parts = [_per_group(shares * side, group_of) for side in (is_member, ~is_member)]
    present = [np.bincount(group_of, weights=side) > 0 for side in (is_member, ~is_member)]
    counts = [int(side.sum()) for side in present]
    if min(counts) < 2:
        raise MetricError(
            f"An interval needs at least two groups of each class, but got {counts[0]} groups with members and "
            f"{counts[1]} with non-members. Use a larger split."
        )
    n1, n0, n = int(is_member.sum()), int(np.sum(~is_member)), int(group_of.max()) + 1
    both = parts[0] @ parts[1].T * n / ((n - 1) * n1 * n0) if np.any(present[0] & present[1]) else 0.0
    covariance = sum(
        part @ part.T * count / ((count - 1) * size**2)
        for part, count, size in zip(parts, counts, (n1, n0), strict=True)
    )
    return Aucs(values, np.asarray(covariance + both + np.transpose(both)), *counts)


def _numbers(groups: ArrayLike | None, n: int) -> NDArray[np.int64]:
    """A number from 0 for each record's group, `[n]`."""
    if groups is None:
        return np.arange(n)
    names = np.asarray(groups)
    if names.shape != (n,):
        raise MetricError(f"Each of the {n} records needs one group name, but got shape {names.shape}.")
    numbers: NDArray[np.int64] = np.unique(names, return_inverse=True)[1]
    return numbers


def _shares(values: FloatArray, is_member: BoolArray) -> FloatArray:
    """Of each record the share of the other class that it is on the right side of, less the AUC: `[n]`."""
    members, nonmembers = placements(values, is_member)
    n1, n0 = len(members), len(nonmembers)
    shares = np.empty(len(values))
    shares[is_member], shares[~is_member] = members / (n1 * n0), nonmembers / (n1 * n0)
    shares -= auc(values, is_member)
    return shares


def _per_group(shares: FloatArray, group_of: NDArray[np.int64]) -> FloatArray:
    """Sums over each group: `[m, n]` to `[m, groups]`."""
    return np.stack([np.bincount(group_of, weights=row) for row in shares])
