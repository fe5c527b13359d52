"""Tests of AUCs against 0.5 that hold for several scores at once, with the group as the unit.

Every statistic is a sum over groups. With midranks r of the n records less their mean and labels y,

    (AUC - 0.5) · n1 · n0 = Σ y r = Σ (y - n1/n) r.

**Each group holds one label.** The labels of groups are permuted, which is exact under a coin that was flipped for each
group, whatever the sizes of the groups.

**A group holds both labels.** Then labels are no longer exchangeable: permuting them among records takes records as
independent, permuting them among groups fits only where all groups have equal sizes. Instead the sign of each group's
part of the right sum is flipped, the same for every score. If members and non-members of a group score alike on average
each part has mean 0, whatever the labels of the group's records and however its scores depend on each other, and the
flipped sums have the variance Σ part², which is Obuchowski's (1997) under the null. It is exact where parts are
symmetric (a pair of a member and a non-member: the two change places), otherwise to the accuracy of a normal limit.

Both sums become normal as groups grow in number. From `MIN_NORMAL_GROUPS` groups a side on, if no single group has more
than `MAX_SHARE` of the variance (Noether's condition), draws come from the joint normal with the covariance that
permutation or flipping has, which takes the same time for any number of records. Where a group weighs more than that,
and there are more than `MOST_RESAMPLED` groups, only those that have more than `HEAVY` of the variance of a score are
permuted or flipped; what all others add, given how many of the heavy ones are members, is normal in the same way.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from lit_mia.errors import MetricError
from lit_mia.metrics.auc import midranks
from lit_mia.metrics.resampling import MEMBERS_ONLY, MIXED, batch_sizes, group_compositions
from lit_mia.metrics.roc import BoolArray, FloatArray, check

DRAWS, SEED = 9999, 0
MIN_NORMAL_GROUPS = 50
MAX_SHARE = 0.1
MOST_RESAMPLED = 20_000
HEAVY = 0.01


class OwnTests(NamedTuple):
    """p values of `m` scores; of a score that is the same for all records they are 1.

    Attributes:
        above: One-sided p of "the AUC is at most 0.5", each score by itself, `[m]`.
        two_sided: Two-sided p of "the AUC is 0.5", each score by itself, `[m]`.
        adjusted: `above`, adjusted for all `m` scores so that with 5 % any null score is called significant, `[m]`.
    """

    above: FloatArray
    two_sided: FloatArray
    adjusted: FloatArray


def own_tests(
    scores: ArrayLike, labels: ArrayLike, groups: ArrayLike | None = None, draws: int = DRAWS, seed: int = SEED
) -> OwnTests:
    """Test the AUCs of `m` scores against 0.5, also jointly by the step-down maximum (Westfall and Young 1993).

    The k-th largest standardised AUC is compared with the largest, under the null, of those that are not above it. So
    scores that move together, as attacks on one target do, cost less than with Holm's correction.

    Args:
        scores: Raw scores of `m` attacks for the same records, `[m, n]`.
        labels: 1 = member, 0 = non-member, `[n]`.
        groups: Name of each record's group, `[n]`; None if every record is its own group.
        draws: Number of draws from the null; a permutation p and an adjusted p are at least one in as many plus one.
        seed: Seed of the draws.

    Raises:
        MetricError: If the shapes do not fit or there is no draw; otherwise see `lit_mia.metrics.roc.check`.
    """
    null = _null(scores, labels, groups)
    varies = null.spread > 0
    scale = np.where(varies, null.spread, 1.0)
    observed, drawn = null.observed / scale, null.draw(draws, seed) / scale
    if null.is_normal:
        above, two_sided = _normal_tails(observed), np.minimum(1.0, 2 * _normal_tails(np.abs(observed)))
    else:
        above, two_sided = _reached(drawn, observed), _reached(np.abs(drawn), np.abs(observed))
    adjusted = np.ones(len(observed))
    adjusted[varies] = np.maximum(_step_down(drawn[:, varies], observed[varies]), above[varies])
    return OwnTests(np.where(varies, above, 1.0), np.where(varies, two_sided, 1.0), adjusted)


def max_auc_null(
    scores: ArrayLike, labels: ArrayLike, groups: ArrayLike | None = None, draws: int = 1000, seed: int = SEED
) -> FloatArray:
    """Largest AUC among `m` useless scores that depend on each other as these do, `[draws]`.

    Args:
        scores: Raw scores of `m` heads for the same records, `[m, n]`.
        labels: 1 = member, 0 = non-member, `[n]`.
        groups: Name of each record's group, `[n]`; None if every record is its own group.
        draws: Number of draws from the null.
        seed: Seed of the draws.

    Raises:
        MetricError: If the shapes do not fit or there is no draw; otherwise see `lit_mia.metrics.roc.check`.
    """
    null = _null(scores, labels, groups)
    largest: FloatArray = np.clip(0.5 + null.draw(draws, seed).max(axis=1) / null.pairs, 0.0, 1.0)
    return largest


@dataclass(frozen=True, eq=False)
class _Null:
    """The statistics `(AUC - 0.5) · n1 · n0` of `m` scores and their null distribution.

    Attributes:
        parts: What each of `g` groups adds to them: of its ranks if labels are permuted, else of ranks times labels,
            `[m, g]`.
        members: Which groups are members, `[g]`, if labels of groups are permuted; None if signs are flipped.
        pairs: n1 · n0.
        sides: Groups that hold members, groups that hold non-members.
    """

    parts: FloatArray
    members: BoolArray | None
    pairs: int
    sides: tuple[int, int]

    @property
    def observed(self) -> FloatArray:
        """The statistics of the labels as they are, `[m]`."""
        chosen = self.parts if self.members is None else self.parts[:, self.members]
        total: FloatArray = chosen.sum(axis=1)
        return total

    @property
    def covariance(self) -> FloatArray:
        """Covariance over all permutations or flips, `[m, m]`."""
        products: FloatArray = self.parts @ self.parts.T
        if self.members is None:
            return products
        groups = len(self.members)
        return products * (self.sides[0] * self.sides[1] / (groups * (groups - 1)))

    @property
    def spread(self) -> FloatArray:
        """Standard deviation over all permutations or flips, `[m]`; 0 for a constant score."""
        deviation: FloatArray = np.sqrt(np.diag(self.covariance))
        return deviation

    @property
    def is_normal(self) -> bool:
        """Whether the normal limit stands for permutations or flips."""
        squares = self.parts**2
        total = np.maximum(squares.sum(axis=1, keepdims=True), np.finfo(float).tiny)
        return min(self.sides) >= MIN_NORMAL_GROUPS and float((squares / total).max()) <= MAX_SHARE

    def draw(self, draws: int, seed: int) -> FloatArray:
        """Statistics under the null, `[draws, m]`."""
        if draws < 1:
            raise MetricError(f"A null distribution needs at least one draw, but got {draws}. 9999 is usual.")
        rng = np.random.default_rng(seed)
        if self.is_normal:
            return _normal(self.covariance, draws, rng)
        if self.parts.shape[1] > MOST_RESAMPLED:
            return self._heavy_resampled(draws, rng)
        sizes = batch_sizes(draws, self.parts.shape[1])
        return np.concatenate([self._resampled(size, rng) for size in sizes])

    def _resampled(self, size: int, rng: np.random.Generator) -> FloatArray:
        if self.members is None:
            weights = 2.0 * rng.integers(2, size=(size, self.parts.shape[1])) - 1.0
        else:
            weights = rng.permuted(np.tile(self.members, (size, 1)), axis=1).astype(np.float64)
        resampled: FloatArray = weights @ self.parts.T
        return resampled

    def _heavy_resampled(self, draws: int, rng: np.random.Generator) -> FloatArray:
        squares = self.parts**2
        heavy = np.any(squares > HEAVY * squares.sum(axis=1, keepdims=True), axis=0)
        own, light = self.parts[:, heavy], self.parts[:, ~heavy]
        count, others = own.shape[1], light.shape[1]
        if self.members is None:
            flipped = 2.0 * rng.integers(2, size=(draws, count)) - 1.0
            return flipped @ own.T + _normal(light @ light.T, draws, rng)
        members = int(self.members.sum())
        inside = rng.hypergeometric(members, len(self.members) - members, count, size=draws)[:, None]
        chosen = rng.permuted(np.tile(np.arange(count), (draws, 1)), axis=1) < inside
        rate, mean = (members - inside) / others, light.mean(axis=1)
        about = light - mean[:, None]
        around = _normal(about @ about.T / (others - 1), draws, rng) * np.sqrt(others * rate * (1 - rate))
        drawn: FloatArray = chosen @ own.T + others * rate * mean + around
        return drawn


def _normal(covariance: FloatArray, draws: int, rng: np.random.Generator) -> FloatArray:
    """Jointly normal draws around 0, `[draws, m]`."""
    values, vectors = np.linalg.eigh(covariance)
    root: FloatArray = vectors * np.sqrt(np.maximum(values, 0.0))
    return rng.standard_normal((draws, len(root))) @ root.T


def _null(scores: ArrayLike, labels: ArrayLike, groups: ArrayLike | None) -> _Null:
    values = np.asarray(scores, dtype=np.float64)
    if values.ndim != 2 or not len(values):
        raise MetricError(f"Scores must be [m, n] with m >= 1, but got shape {values.shape}.")
    checked = [check(row, labels) for row in values]
    is_member = checked[0][1]
    n, n1 = len(is_member), int(is_member.sum())
    ranks = np.stack([midranks(row) - (n + 1) / 2 for row, _ in checked])
    group_of, composition = group_compositions(is_member, groups)
    mixed = bool(np.any(composition == MIXED))
    weighted = ranks * (is_member * n - n1) / n if mixed else ranks
    parts: FloatArray = np.stack([np.bincount(group_of, weights=row) for row in weighted]).astype(np.float64)
    sides = int(np.sum(composition != MIXED - MEMBERS_ONLY)), int(np.sum(composition != MEMBERS_ONLY))
    return _Null(parts, None if mixed else composition == MEMBERS_ONLY, n1 * (n - n1), sides)


def _step_down(drawn: FloatArray, observed: FloatArray) -> FloatArray:
    """Adjusted p values `[m]` of standardised statistics `[m]` from their null `[draws, m]`."""
    order = np.argsort(-observed)
    largest = np.maximum.accumulate(drawn[:, order[::-1]], axis=1)[:, ::-1]
    adjusted = np.empty(len(observed))
    adjusted[order] = np.maximum.accumulate(_reached(largest, observed[order]))
    return adjusted


def _reached(drawn: FloatArray, observed: FloatArray) -> FloatArray:
    """Share of the null, the observed statistic among it, that is at least the observed: `[draws, m]` to `[m]`."""
    slack = 1e-9 * (1 + np.abs(observed))  # equal sums in another order
    share: FloatArray = (1 + np.sum(drawn >= observed - slack, axis=0)) / (1 + len(drawn))
    return share


def _normal_tails(observed: FloatArray) -> FloatArray:
    from scipy.special import ndtr

    return np.asarray(ndtr(-observed), dtype=np.float64)
