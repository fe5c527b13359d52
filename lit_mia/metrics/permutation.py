"""Tests of AUCs against 0.5 that hold for several scores at once, with the group as the unit.

With midranks r of the n records less their mean and labels y, what each group adds to an AUC is its *part*

    AUC - 0.5 = Σ parts,    part = Σ r (y - n1/n) / (n1 n0) over the records of the group.

**Each group holds one label.** The labels of groups are permuted. The plain AUC would be compared with permutations in
which large groups change sides, and where those of one side are larger its spread is another one than theirs. So every
permutation is studentised: the mean rank of members less that of non-members is divided by its standard error, which is
that of a ratio with groups as the unit (ranks less the mean of their side are summed by group and squared). Then the
test is still exact under a coin that was flipped for each group, whatever the sizes, as every statistic is; and it
holds as groups grow in number where no coin was flipped and sizes, or spreads, of the sides differ (Janssen 1997,
Statistics and Probability Letters 36; for the AUC Neubert and Brunner 2007, Computational Statistics and Data Analysis
51; Chung and Romano 2013, Annals of Statistics 41). A two-sided p is twice the smaller of both one-sided ones.

**A group holds both labels.** Then labels are no longer exchangeable: permuting them among records takes records as
independent, permuting them among groups fits only where all groups have equal sizes. Instead the signs of parts are
flipped, the same for every score. If members and non-members of a group score alike on average each part has mean 0,
whatever the labels of the group's records and however its scores depend on each other, and the flipped sums have the
variance Σ part², which is Obuchowski's (1997) under the null. It is exact where parts are symmetric (a pair of a member
and a non-member: the two change places), otherwise to the accuracy of a normal limit.

From `MIN_NORMAL_GROUPS` groups a side on, if no single group has more than `MAX_SHARE` of Σ part² (Noether's
condition), Σ parts / √(Σ part²) is normal in both cases, and several of them are jointly, with the correlation of their
parts; that takes the same time for any number of records. Where a group weighs more than that, and there are more than
`MOST_RESAMPLED` groups, only those that have more than `HEAVY` of the squares of a sum are permuted or flipped; what
all others add, given how many of the heavy ones are members, is normal. Of fewer than `MIN_NORMAL_GROUPS` members among
so many, or as few non-members, only these are drawn.
"""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple, final

import numpy as np
from numpy.typing import ArrayLike

from lit_mia.errors import MetricError
from lit_mia.metrics.auc import midranks
from lit_mia.metrics.resampling import MEMBERS_ONLY, MIXED, IntArray, batch_sizes, group_compositions
from lit_mia.metrics.roc import BoolArray, FloatArray, check_rows

DRAWS, SEED = 9999, 0
MIN_NORMAL_GROUPS = 50
MAX_SHARE = 0.1
MOST_RESAMPLED = 20_000
HEAVY = 0.01
_ROUNDING = 1e-9


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
    observed, drawn, varies = _standardised(*null.compared), null.draw(draws, seed), null.compared[1] > 0
    if null.is_normal:
        above, below = _normal_tails(observed), _normal_tails(-observed)
    else:
        above, below = _reached(drawn, observed), _reached(-drawn, -observed)
    two_sided = np.minimum(1.0, 2 * np.minimum(above, below))
    adjusted = np.ones(len(observed))
    adjusted[varies] = np.maximum(_step_down(drawn[:, varies], observed[varies]), above[varies])
    return OwnTests(np.where(varies, above, 1.0), np.where(varies, two_sided, 1.0), adjusted)


def max_auc_null(
    scores: ArrayLike, labels: ArrayLike, groups: ArrayLike | None = None, draws: int = 1000, seed: int = SEED
) -> FloatArray:
    """Largest AUC among `m` useless scores that depend on each other, and spread, as these do, `[draws]`.

    The signs of what groups add to the AUCs are flipped, whatever the labels of the groups: the spread is then that of
    the sides as they are.

    Args:
        scores: Raw scores of `m` heads for the same records, `[m, n]`.
        labels: 1 = member, 0 = non-member, `[n]`.
        groups: Name of each record's group, `[n]`; None if every record is its own group.
        draws: Number of draws from the null.
        seed: Seed of the draws.

    Raises:
        MetricError: If the shapes do not fit or there is no draw; otherwise see `lit_mia.metrics.roc.check`.
    """
    null = replace(_null(scores, labels, groups), labelled=None)
    largest: FloatArray = np.clip(0.5 + (null.draw(draws, seed) * null.compared[1]).max(axis=1), 0.0, 1.0)
    return largest


@final
@dataclass(frozen=True, eq=False)
class _Labelled:
    """Groups of one label each, whose labels can be permuted.

    Attributes:
        ranks: Sum of the ranks of each of `g` groups by each of `m` scores, in units of n, `[m, g]`.
        sizes: Records of each group, `[g]`.
        is_member: `[g]`.
    """

    ranks: FloatArray
    sizes: FloatArray
    is_member: BoolArray

    @cached_property
    def terms(self) -> FloatArray:
        """Ranks, their products with sizes, and their squares; then sizes and their squares, `[3 m + 2, g]`."""
        ranks, sizes = self.ranks, self.sizes
        return np.concatenate([ranks, ranks * sizes, ranks**2, [sizes, sizes**2]])

    @property
    def members(self) -> int:
        """Groups that are members."""
        return int(self.is_member.sum())

    def observed(self) -> tuple[FloatArray, FloatArray]:
        """The AUCs less 0.5 and their standard errors, both `[m]`."""
        above, deviation = self._compared(self.terms[:, self.is_member].sum(axis=1)[None])
        return above[0], deviation[0]

    def draw(self, draws: int, rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
        """The same with permuted labels, both `[draws, m]`."""
        fewer, groups = min(self.members, len(self.sizes) - self.members), len(self.sizes)
        if groups <= MOST_RESAMPLED or fewer >= MIN_NORMAL_GROUPS:
            return self._compared(self._permuted(draws, rng))
        places = _distinct(groups, (draws, fewer), rng)
        sums = np.stack([row[places].sum(axis=1) for row in self.terms], axis=1)
        return self._compared(sums if fewer == self.members else self.terms.sum(axis=1) - sums)

    def _permuted(self, draws: int, rng: np.random.Generator) -> FloatArray:
        """Sums of the terms over as many groups as are members, `[draws, 3 m + 2]`."""
        own, light = _apart(self.terms)
        count, others = own.shape[1], light.shape[1]
        inside = rng.hypergeometric(self.members, len(self.sizes) - self.members, count, size=(draws, 1))
        rate, total = (self.members - inside) / max(1, others), light.sum(axis=1)
        about = light - total[:, None] / max(1, others)
        around = _normal(about @ about.T / max(1, others - 1), draws, rng) * np.sqrt(others * rate * (1 - rate))
        order, ends = np.arange(count, dtype=np.int32), np.cumsum([*batch_sizes(draws, max(1, count))])[:-1]
        chosen = (rng.permuted(np.tile(order, (len(some), 1)), axis=1) < some for some in np.split(inside, ends))
        drawn: FloatArray = np.concatenate([some @ own.T for some in chosen]) + rate * total + around
        return drawn

    def _compared(self, of_members: FloatArray) -> tuple[FloatArray, FloatArray]:
        """The AUCs less 0.5 and their standard errors, from sums of the terms over members."""
        total = self.terms.sum(axis=1)
        mean, variance = _mean_rank(of_members, self.members)
        other_mean, other_variance = _mean_rank(total - of_members, len(self.sizes) - self.members)
        squares, n = np.split(total[:-2], 3)[2], total[-2]
        least = _ROUNDING * squares / n**2  # where nothing varies within the sides
        return mean - other_mean, np.sqrt(np.maximum(variance + other_variance, least))


def _mean_rank(sums: FloatArray, groups: int) -> tuple[FloatArray, FloatArray]:
    """Mean rank of a side and its variance with `groups` as the unit, both `[d, m]`, from the sums over it."""
    ranks, products, squares = np.split(sums[:, :-2], 3, axis=1)
    size, size_squares = sums[:, -2:-1], sums[:, -1:]
    mean = ranks / size
    variance = (squares - 2 * mean * products + mean**2 * size_squares) / size**2
    return mean, variance * groups / max(1, groups - 1)


def _distinct(count: int, shape: tuple[int, int], rng: np.random.Generator) -> IntArray:
    """Numbers below `count`, in each row different ones."""
    places = rng.integers(count, size=shape)
    while np.any(repeated := np.any(np.diff(np.sort(places)) == 0, axis=1)):
        places[repeated] = rng.integers(count, size=(int(repeated.sum()), shape[1]))
    return places


@final
@dataclass(frozen=True, eq=False)
class _Null:
    """AUCs less 0.5 of `m` scores, and the null distribution of their standardised values.

    Attributes:
        parts: What each of `g` groups adds to them, `[m, g]`.
        sides: Groups that hold members, groups that hold non-members.
        labelled: The groups, if their labels are permuted; None if the signs of parts are flipped.
    """

    parts: FloatArray
    sides: tuple[int, int]
    labelled: _Labelled | None

    @cached_property
    def is_normal(self) -> bool:
        """Whether the normal limit stands for permutations or flips."""
        squares = self.parts**2
        total = np.maximum(squares.sum(axis=1, keepdims=True), np.finfo(float).tiny)
        return min(self.sides) >= MIN_NORMAL_GROUPS and float((squares / total).max()) <= MAX_SHARE

    @cached_property
    def compared(self) -> tuple[FloatArray, FloatArray]:
        """The AUCs less 0.5 and their standard errors, both `[m]`; 0 for a constant score."""
        if self.labelled is None or self.is_normal:
            return self.parts.sum(axis=1), np.sqrt((self.parts**2).sum(axis=1))
        return self.labelled.observed()

    def draw(self, draws: int, seed: int) -> FloatArray:
        """Standardised values under the null, `[draws, m]`."""
        if draws < 1:
            raise MetricError(f"A null distribution needs at least one draw, but got {draws}. 9999 is usual.")
        rng = np.random.default_rng(seed)
        if self.labelled is not None and not self.is_normal:
            return _standardised(*self.labelled.draw(draws, rng))
        own = _standardised(self.parts, self.compared[1][:, None])
        return _normal(own @ own.T, draws, rng) if self.is_normal else _flipped(own, draws, rng)


def _flipped(parts: FloatArray, draws: int, rng: np.random.Generator) -> FloatArray:
    """Sums of `parts` with random signs, the same for every row, `[draws, m]`."""
    own, light = _apart(parts)
    sizes, count = batch_sizes(draws, max(1, own.shape[1])), own.shape[1]
    flipped = [(2.0 * rng.integers(2, size=(size, count)) - 1.0) @ own.T for size in sizes]
    drawn: FloatArray = np.concatenate(flipped) + _normal(light @ light.T, draws, rng)
    return drawn


def _apart(rows: FloatArray) -> tuple[FloatArray, FloatArray]:
    """The groups that are resampled, and those that the normal stands for, `[rows, g]` each."""
    if rows.shape[1] <= MOST_RESAMPLED:
        return rows, rows[:, :0]
    squares = rows**2
    heavy = np.any(squares > HEAVY * squares.sum(axis=1, keepdims=True), axis=0)
    return rows[:, heavy], rows[:, ~heavy]


def _standardised(above: FloatArray, deviation: FloatArray) -> FloatArray:
    """In standard errors; 0 where nothing varies."""
    return np.divide(above, deviation, out=np.zeros_like(above), where=deviation > 0)


def _normal(covariance: FloatArray, draws: int, rng: np.random.Generator) -> FloatArray:
    """Jointly normal draws around 0, `[draws, m]`."""
    values, vectors = np.linalg.eigh(covariance)
    root: FloatArray = vectors * np.sqrt(np.maximum(values, 0.0))
    return rng.standard_normal((draws, len(root))) @ root.T


def _null(scores: ArrayLike, labels: ArrayLike, groups: ArrayLike | None) -> _Null:
    values, is_member = check_rows(scores, labels)
    n, n1 = len(is_member), int(is_member.sum())
    ranks = np.stack([midranks(row) - (n + 1) / 2 for row in values])
    group_of, composition = group_compositions(is_member, groups)
    parts = _per_group(ranks * (is_member * n - n1), group_of) / (n * n1 * (n - n1))
    sides = int(np.sum(composition != MIXED - MEMBERS_ONLY)), int(np.sum(composition != MEMBERS_ONLY))
    if np.any(composition == MIXED):
        return _Null(parts, sides, None)
    sizes = np.bincount(group_of).astype(np.float64)
    return _Null(parts, sides, _Labelled(_per_group(ranks, group_of) / n, sizes, composition == MEMBERS_ONLY))


def _per_group(values: FloatArray, group_of: IntArray) -> FloatArray:
    """Sums over each group, `[m, n]` to `[m, g]`."""
    return np.stack([np.bincount(group_of, weights=row) for row in values])


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
