"""Was the target trained on a set of records? A test of all suspected records together (data-set inference).

The question is that of Maini et al. (2021, https://arxiv.org/abs/2104.10706) and, for diffusion models, of Dubiński et
al. (2025, https://arxiv.org/abs/2411.12858): given suspected records and records that are known not to be members, do
the scores of several attacks, taken together, tell the two apart?

**Split half.** Suspected and known records are cut into halves A and B at random. On A the attacks' scores are joined
into one, on B a one-sided Mann-Whitney test asks whether suspected records have the higher joined score. What B is
tested by never saw which of its records are suspected, so the test holds its level however many attacks there are.
(Pooling the scores of all folds of a cross-validation does not: folds share what they were fitted on, and a nominal 1 %
becomes 3 to 4 %.)

**Joining.** Scores become normal scores over all records. Fisher's discriminant (with a ridge) weighs them by the
differences of their means on A, after these are shrunk to their mean by as much as chance scatters them: with few
records that is the plain mean of the attacks, with many each attack has its own weight. An attack on which suspected
records score lower speaks for nothing, though it may serve as a yardstick of another; if all do, the plain mean
is taken.

**The unit is the group**, and its score the mean of its records. Groups are cut, drawn and counted. A group with
records of both sides counts once on each: as records of a group score alike, that makes the test conservative.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lit_mia.errors import MetricError
from lit_mia.metrics.auc import midranks
from lit_mia.metrics.rates import Rate, clopper_pearson
from lit_mia.metrics.resampling import group_numbers
from lit_mia.metrics.roc import BoolArray, FloatArray, check

LEVEL, POWER = 0.01, 0.8
SIZES = (10, 20, 50, 100, 200)
"""Sizes of sets that are tried, beside all suspected groups."""
LEAST = 2
"""Fewest groups of a side that can be halved."""
MOST = 2000
"""Groups of a side that are used at most, drawn once: larger sides would take long."""
SPLITS, RELABELLED, SEED = 200, 1000, 0
_RIDGE = 0.1

Places = NDArray[np.int64]


@dataclass(frozen=True)
class SetTest:
    """What some scores, joined, tell of sets of records.

    Attributes:
        p: One p for all suspected groups: twice the median over `SPLITS` random halvings, at most 1. That is valid
            however the halvings depend on each other (Meinshausen, Meier and Bühlmann 2009, JASA 104).
        shares: Number of suspected groups → share of `SPLITS` sets of so many, each drawn and halved at random, of
            which one halving has p < `LEVEL`. All known groups are used each time. Sets overlap, so that the share of
            large ones is one of these records.
    """

    p: float
    shares: dict[int, float]

    @property
    def smallest(self) -> int | None:
        """The smallest size tried from which on at least `POWER` of the sets are found; None if not even all are."""
        enough = None
        for size, share in sorted(self.shares.items(), reverse=True):
            if share < POWER:
                break
            enough = size
        return enough


class Sides(NamedTuple):
    """Groups of both sides, as the test takes them.

    Attributes:
        scores: Normal scores of `m` attacks for `u` groups, `[m, u]`.
        suspected: Places of suspected groups.
        known: Places of groups that are known not to be members.
    """

    scores: FloatArray
    suspected: Places
    known: Places


def set_test(scores: ArrayLike, labels: ArrayLike, groups: ArrayLike | None = None, *, directed: bool = True) -> SetTest:
    """Test whether a set was trained on, and how large it has to be for that to show.

    Args:
        scores: Scores of `m` attacks for the same records, `[m, n]`.
        labels: 1 = suspected, 0 = known not to be a member, `[n]`.
        groups: Name of each record's group, `[n]`; None if every record is its own group.
        directed: Whether a higher score speaks for membership by theory; of controls it need not.

    Raises:
        MetricError: If the shapes do not fit, a side has fewer than `LEAST` groups, or see `lit_mia.metrics.roc.check`.
    """
    sides, rng = sides_of(scores, labels, groups), np.random.default_rng(SEED)
    p = {}
    for size in (*(size for size in SIZES if size < len(sides.suspected)), len(sides.suspected)):
        suspected, known = (_shuffled(places, SPLITS, rng) for places in (sides.suspected, sides.known))
        p[size] = split_half_p(sides.scores, suspected[:, :size], known, directed=directed)
    whole = min(1.0, 2 * float(np.median(p[len(sides.suspected)])))
    return SetTest(whole, {size: float(np.mean(of_sets < LEVEL)) for size, of_sets in p.items()})


def false_rejections(scores: ArrayLike, labels: ArrayLike, groups: ArrayLike | None = None) -> Rate | None:
    """How often the test at `LEVEL` rejects a half of the known groups against the other, by `RELABELLED` such halves.

    It checks the test on these scores and groups, not the design: both halves are of one kind.

    Args:
        scores: Scores of `m` attacks for the same records, `[m, n]`.
        labels: 1 = suspected, 0 = known not to be a member, `[n]`.
        groups: Name of each record's group, `[n]`; None if every record is its own group.

    Returns:
        The rate with its 95 % Clopper-Pearson interval; None with fewer than twice `LEAST` known groups.

    Raises:
        MetricError: As of `set_test`.
    """
    sides, rng = sides_of(scores, labels, groups), np.random.default_rng(SEED)
    half = len(sides.known) // 2
    if half < LEAST:
        return None
    known = _shuffled(sides.known, RELABELLED, rng)
    rejected = int(np.sum(split_half_p(sides.scores, known[:, :half], known[:, half:]) < LEVEL))
    return Rate(rejected / RELABELLED, clopper_pearson(rejected, RELABELLED))


def split_half_p(scores: FloatArray, suspected: Places, known: Places, *, directed: bool = True) -> FloatArray:
    """One-sided p of `r` sets, each of which is halved as it is ordered: the first half is A, the rest is B.

    Args:
        scores: Normal scores of `m` attacks, `[m, u]`.
        suspected: Places of the suspected groups of each set, at least two, `[r, n]`.
        known: Places of the known groups beside each set, at least two, `[r, n0]`.
        directed: See `set_test`.

    Returns:
        p of each set, `[r]`; 1 where all joined scores are equal.
    """
    from scipy.stats import mannwhitneyu

    first, first_known = suspected.shape[1] // 2, known.shape[1] // 2
    difference = _means(scores, suspected[:, :first]) - _means(scores, known[:, :first_known])
    noise = 1 / first + 1 / first_known
    joined = _weights(difference, np.atleast_2d(np.cov(scores, bias=True)), noise, directed) @ scores
    b, b_known = (np.take_along_axis(joined, rest, axis=1) for rest in (suspected[:, first:], known[:, first_known:]))
    varies = np.ptp(np.concatenate([b, b_known], axis=1), axis=1) > 0
    p = np.ones(len(joined))
    if varies.any():
        p[varies] = mannwhitneyu(b[varies], b_known[varies], alternative="greater", axis=1).pvalue
    return p


def sides_of(scores: ArrayLike, labels: ArrayLike, groups: ArrayLike | None) -> Sides:
    """The groups of both sides with their normal scores, at most `MOST` a side.

    Args:
        scores: Scores of `m` attacks for the same records, `[m, n]`.
        labels: 1 = suspected, 0 = known not to be a member, `[n]`.
        groups: Name of each record's group, `[n]`; None if every record is its own group.

    Raises:
        MetricError: As of `set_test`.
    """
    from scipy.special import ndtri

    values = np.asarray(scores, dtype=np.float64)
    if values.ndim != 2 or not len(values):
        raise MetricError(f"Scores must be [m, n] with m >= 1, but got shape {values.shape}.")
    values, is_suspected = np.stack([check(row, labels)[0] for row in values]), check(values[0], labels)[1]
    side_of_group, unit = np.unique(2 * group_numbers(groups, len(is_suspected)) + is_suspected, return_inverse=True)
    means = np.stack([np.bincount(unit, weights=row) for row in values]) / np.bincount(unit)
    kept = _at_most(side_of_group % 2 == 1)
    normal = np.stack([ndtri((midranks(row) - 0.5) / len(kept)) for row in means[:, kept]])
    suspected = side_of_group[kept] % 2 == 1
    return Sides(normal, np.flatnonzero(suspected), np.flatnonzero(~suspected))


def _at_most(is_suspected: BoolArray) -> Places:
    """Places of at most `MOST` groups of each side, in order."""
    sides = [np.flatnonzero(is_suspected == side) for side in (True, False)]
    if min(map(len, sides)) < LEAST:
        raise MetricError(
            f"A set-level test needs at least {LEAST} suspected and {LEAST} known groups, but got {len(sides[0])} and "
            f"{len(sides[1])}. Use a larger split."
        )
    rng = np.random.default_rng(SEED)
    return np.sort(np.concatenate([rng.permutation(side)[:MOST] for side in sides]))


def _shuffled(places: Places, times: int, rng: np.random.Generator) -> Places:
    """The places in random orders, `[times, n]`."""
    return rng.permuted(np.tile(places, (times, 1)), axis=1)


def _means(scores: FloatArray, places: Places) -> FloatArray:
    """Mean of each score over the places of each set, `[r, m]`."""
    chosen = np.zeros((len(places), scores.shape[1]))
    np.put_along_axis(chosen, places, 1 / places.shape[1], axis=1)
    means: FloatArray = chosen @ scores.T
    return means


def _weights(difference: FloatArray, covariance: FloatArray, noise: float, directed: bool) -> FloatArray:
    """Weights of the scores from their differences on A, `[r, m]`, whose variance is `noise` times the covariance."""
    m = len(covariance)
    mean = difference.mean(axis=1, keepdims=True)
    scatter = np.sum((difference - mean) ** 2, axis=1, keepdims=True)
    by_chance = noise * (np.trace(covariance) - covariance.sum() / m)
    kept = np.clip(1 - by_chance / np.maximum(scatter, np.finfo(float).tiny), 0.0, 1.0)
    shrunk = mean + kept * (difference - mean)
    if directed:
        shrunk = np.maximum(shrunk, 0.0)
    weights: FloatArray = np.linalg.solve(covariance + _RIDGE * np.eye(m), shrunk.T).T
    weights[~shrunk.any(axis=1)] = 1.0
    return weights
