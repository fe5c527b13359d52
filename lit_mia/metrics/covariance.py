"""AUCs of several scores about the same records, and how far they vary together."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lit_mia.errors import MetricError
from lit_mia.metrics.auc import placements
from lit_mia.metrics.resampling import group_numbers
from lit_mia.metrics.roc import BoolArray, FloatArray, check_rows

_ROUNDING = 1e-12


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

    def pair(self, first: int, second: int) -> "Aucs":
        """Two of them, in this order."""
        both = np.array([first, second])
        return self._replace(values=self.values[both], covariance=self.covariance[np.ix_(both, both)])


class Components(NamedTuple):
    """AUCs of `m` scores, and where their covariance comes from.

    Attributes:
        values: `[m]`, in [0, 1].
        sides: What members, and what non-members, add to the covariance by themselves, `[2, m, m]`.
        shared: What groups that hold both add, `[m, m]`.
        counts: Groups that hold members, groups that hold non-members.
        groups: All groups.
    """

    values: FloatArray
    sides: FloatArray
    shared: FloatArray
    counts: tuple[int, int]
    groups: int

    @property
    def covariance(self) -> FloatArray:
        """The covariance of the AUCs, `[m, m]`."""
        covariance: FloatArray = self.sides.sum(axis=0) + self.shared
        return covariance

    def degrees(self, weights: FloatArray) -> float:
        """Satterthwaite's degrees of freedom of a weighted sum, and no more than the groups have together."""
        members, nonmembers = (weighted_variance(weights, side) for side in self.sides)
        n1, n0 = self.counts
        pooled = (members + nonmembers) ** 2 / (members**2 / (n1 - 1) + nonmembers**2 / (n0 - 1))
        return float(min(pooled, self.groups - 1))


class Contributions(NamedTuple):
    """What each of `n` records adds to the AUCs of `m` scores.

    Attributes:
        values: The AUCs, `[m]`.
        shares: Of each record the share of the other class that it is on the right side of, less the AUC, `[m, n]`.
        is_member: `[n]`.
    """

    values: FloatArray
    shares: FloatArray
    is_member: BoolArray

    def over(self, groups: ArrayLike | None) -> Components:
        """The covariance with these groups as the unit; arguments and errors as those of `aucs`."""
        sides = self.is_member, ~self.is_member
        group_of = group_numbers(groups, len(self.is_member))
        parts = [_per_group(self.shares * side, group_of) for side in sides]
        present = [np.bincount(group_of, weights=side) > 0 for side in sides]
        (n1, n0), n = (int(side.sum()) for side in sides), int(group_of.max()) + 1
        counts = int(present[0].sum()), int(present[1].sum())
        if min(counts) < 2:
            raise MetricError(
                f"An interval needs at least two groups of each class, but got {counts[0]} groups with members and "
                f"{counts[1]} with non-members. Use a larger split."
            )
        both = parts[0] @ parts[1].T * n / ((n - 1) * n1 * n0) * np.any(present[0] & present[1])
        alone = [
            part @ part.T * count / ((count - 1) * size**2)
            for part, count, size in zip(parts, counts, (n1, n0), strict=True)
        ]
        return Components(self.values, np.stack(alone), both + both.T, counts, n)


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
    found = contributions(scores, labels).over(groups)
    return Aucs(found.values, found.covariance, *found.counts)


def contributions(scores: ArrayLike, labels: ArrayLike) -> Contributions:
    """What each record adds to the AUCs; arguments and errors as those of `aucs`."""
    values, is_member = check_rows(np.atleast_2d(scores), labels)
    found = [_shares(row, is_member) for row in values]
    return Contributions(np.array([value for value, _ in found]), np.stack([shares for _, shares in found]), is_member)


def weighted_variance(weights: FloatArray, covariance: FloatArray) -> float:
    """Of a weighted sum; 0 where nothing but rounding is left."""
    total, largest = (float(w @ c @ w) for w, c in ((weights, covariance), (np.abs(weights), np.abs(covariance))))
    return total if total > _ROUNDING * largest else 0.0


def _shares(values: FloatArray, is_member: BoolArray) -> tuple[float, FloatArray]:
    """The AUC, and of each record the share of the other class that it is on the right side of, less the AUC: `[n]`."""
    members, nonmembers = placements(values, is_member)
    n1, n0 = len(members), len(nonmembers)
    value = float(members.sum() / n1 / (n1 * n0))
    shares = np.empty(len(values))
    shares[is_member], shares[~is_member] = members / (n1 * n0), nonmembers / (n1 * n0)
    return value, shares - value


def _per_group(shares: FloatArray, group_of: NDArray[np.int64]) -> FloatArray:
    """Sums over each group: `[m, n]` to `[m, groups]`."""
    return np.stack([np.bincount(group_of, weights=row) for row in shares])
