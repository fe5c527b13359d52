"""Was the target trained on a set of records? A test of all suspected records together (data-set inference).

The question is that of Maini et al. (2021, https://arxiv.org/abs/2104.10706) and, for diffusion models, of Dubiński et
al. (2025, https://arxiv.org/abs/2411.12858): given suspected records and records that are known not to be members, are
the suspected ones scored higher by several attacks, taken together?

**Joining.** The scores of each attack become normal scores over all records. Two sums of them are tried: their plain
mean, which is best where all attacks find a little, and Fisher's discriminant (with a ridge), which is best where a few
find much. The discriminant is fitted to the very differences that are tested. An attack on which suspected records
score lower speaks for nothing, though it may serve as a yardstick of another.

**Refit permutation.** Which records are suspected is drawn anew, everything is fitted again, and p is how often the
drawn sets do as well as the suspected one, by the better of both sums (Westfall and Young 1993, min-p). So fitting and
choosing cost no level, however many attacks there are, and no records have to be set aside for them. (Pooling the
scores of all folds of a cross-validation does not hold its level: a nominal 1 % becomes 3 to 4 %.)

**The unit is the group**, and its score the mean of its records' normal scores. A group that is larger than a share of
its side counts with no more records than the group that is larger than the same share of the other side, so that means
of both sides are taken over equally many records: those over more would be less spread and, of raw scores that are
skewed, mostly higher or lower. Groups are drawn and counted. A group with records of both sides counts once on each: as
records of a group score alike, that makes the test conservative.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lit_mia.errors import MetricError
from lit_mia.metrics.auc import midranks
from lit_mia.metrics.rates import Rate, clopper_pearson
from lit_mia.metrics.resampling import group_numbers
from lit_mia.metrics.roc import BoolArray, FloatArray, check_rows

LEVEL, POWER = 0.01, 0.8
SIZES = (10, 20, 50, 100, 200)
"""Sizes of sets that are tried."""
LEAST = 2
"""Fewest groups of a side."""
MOST = 1000
"""Groups of a side that are used at most, drawn once: more would take long."""
SETS, PERMUTATIONS, SEED = 500, 4999, 0
_RIDGE, _SLACK = 1.0, 1e-9

Places = NDArray[np.int64]


@dataclass(frozen=True)
class SetTest:
    """What some scores, joined, tell of sets of records.

    Attributes:
        p: That of "suspected groups are scored like known ones", for all suspected groups.
        shares: Number of suspected groups → share of `SETS` drawn sets of so many that have p <= `LEVEL`, each beside
            all known groups; of all suspected groups, which are one set, 0 or 1. Drawn sets overlap, so that the share
            of large ones is one of these records.
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
    """Groups of both sides, as the test takes them: normal scores, `[m, suspected groups]` and `[m, known groups]`."""

    suspected: FloatArray
    known: FloatArray


def set_tests(
    families: Mapping[str, ArrayLike],
    labels: ArrayLike,
    groups: ArrayLike | None = None,
    *,
    undirected: Collection[str] = (),
    sizes: Sequence[int] = SIZES,
    draws: int = PERMUTATIONS,
) -> dict[str, SetTest]:
    """Test whether a set was trained on, and how large it has to be for that to show.

    Args:
        families: Name → scores that are joined, of `m` attacks or `m` controls for the same records, `[m, n]`. All
            families are asked about the same sets.
        labels: 1 = suspected, 0 = known not to be a member, `[n]`.
        groups: Name of each record's group, `[n]`; None if every record is its own group.
        undirected: Families whose scores may tell the sides apart either way, such as controls. Of the others a higher
            score speaks for membership.
        sizes: Sizes of sets that are tried, of those below the number of suspected groups.
        draws: Number of drawn sets that p comes from.

    Returns:
        Name of a family → what it tells.

    Raises:
        MetricError: If the shapes do not fit, a side has fewer than `LEAST` groups, or there is nothing to join or to
            draw; otherwise see `lit_mia.metrics.roc.check`.
    """
    if not families or min([draws, *sizes]) < 1:
        raise MetricError(
            f"A set-level test needs scores, a draw, and sizes of at least 1, but got {len(families)} families, "
            f"{draws} draws and the sizes {[*sizes]}."
        )
    stacked = [np.atleast_2d(np.asarray(scores, dtype=np.float64)) for scores in families.values()]
    sides, rng = sides_of(np.concatenate(stacked), labels, groups), np.random.default_rng(SEED)
    ends = np.cumsum([len(scores) for scores in stacked])
    rows = {name: slice(end - len(scores), end) for name, scores, end in zip(families, stacked, ends, strict=True)}
    n, known = sides.suspected.shape[1], sides.known.shape[1]
    pool = np.concatenate(sides, axis=1)
    drawn, permuted = _orders(n, SETS, rng), _orders(n + known, draws, rng)
    p: dict[str, dict[int, FloatArray]] = {name: {} for name in families}
    for size in (*(size for size in sizes if size < n), n):
        observed = _first_means(sides.suspected, drawn if size < n else drawn[:1], size) - sides.known.mean(axis=1)
        null = _differences(pool, permuted, (size, known))
        for name, of in rows.items():
            directed = name not in undirected
            p[name][size] = _p(observed[:, of], null[:, of], _covariance(pool[of]), directed=directed)
    return {
        name: SetTest(float(found[n][0]), {size: float(np.mean(of_sets <= LEVEL)) for size, of_sets in found.items()})
        for name, found in p.items()
    }


def false_rejections(scores: ArrayLike, labels: ArrayLike, groups: ArrayLike | None = None) -> Rate | None:
    """How often the test at `LEVEL` rejects a half of the known groups against the other half, of `SETS` such halves.

    It checks the test on these scores and groups, not the design: both halves are of one kind.

    Args:
        scores: Scores of `m` attacks for the same records, `[m, n]`.
        labels: 1 = suspected, 0 = known not to be a member, `[n]`.
        groups: Name of each record's group, `[n]`; None if every record is its own group.

    Returns:
        The rate with its 95 % Clopper-Pearson interval; None with fewer than twice `LEAST` known groups.

    Raises:
        MetricError: As of `set_tests`.
    """
    known, rng = sides_of(scores, labels, groups).known, np.random.default_rng(SEED)
    half = known.shape[1] // 2
    if half < LEAST:
        return None
    observed, null = (
        _differences(known, _orders(known.shape[1], times, rng), (half, known.shape[1] - half))
        for times in (SETS, PERMUTATIONS)
    )
    rejected = int(np.sum(_p(observed, null, _covariance(known)) <= LEVEL))
    return Rate(rejected / SETS, clopper_pearson(rejected, SETS))


def sides_of(scores: ArrayLike, labels: ArrayLike, groups: ArrayLike | None = None) -> Sides:
    """The groups of both sides with their normal scores, at most `MOST` a side.

    Args:
        scores: Scores of `m` attacks for the same records, `[m, n]`.
        labels: 1 = suspected, 0 = known not to be a member, `[n]`.
        groups: Name of each record's group, `[n]`; None if every record is its own group.

    Raises:
        MetricError: As of `set_tests`.
    """
    from scipy.special import ndtri

    (values, suspects), rng = check_rows(scores, labels), np.random.default_rng(SEED)
    side, unit = np.unique(2 * group_numbers(groups, len(suspects)) + suspects, return_inverse=True)
    is_suspected = side % 2 == 1
    suspected, known = (rng.permutation(np.flatnonzero(is_suspected == of))[:MOST] for of in (True, False))
    if min(len(suspected), len(known)) < LEAST:
        raise MetricError(
            f"A set-level test needs at least {LEAST} suspected and {LEAST} known groups, but got {len(suspected)} and "
            f"{len(known)}. Use a larger split."
        )
    scores = np.stack([ndtri((midranks(row) - 0.5) / row.size) for row in values])
    normal = _group_means(scores, unit, is_suspected, rng)[:, np.concatenate([suspected, known])]
    return Sides(normal[:, : len(suspected)], normal[:, len(suspected) :])


def _group_means(scores: FloatArray, unit: Places, is_suspected: BoolArray, rng: np.random.Generator) -> FloatArray:
    """Mean score of the records of each group that count, `[m, groups]`."""
    sizes = np.bincount(unit)
    most = _counted(sizes, is_suspected, rng)
    order = np.lexsort((rng.random(len(unit)), unit))
    place = np.arange(len(unit)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    kept = order[place < most[unit[order]]]
    sums = np.stack([np.bincount(unit[kept], weights=row[kept]) for row in scores])
    means: FloatArray = sums / np.bincount(unit[kept])
    return means


def _counted(sizes: Places, is_suspected: BoolArray, rng: np.random.Generator) -> Places:
    """How many records of each group count at most: as many as the group has that is as large on the other side."""
    most = np.empty_like(sizes)
    for side in (True, False):
        rising = np.flatnonzero(is_suspected == side)
        rising = rising[np.lexsort((rng.random(rising.size), sizes[rising]))]
        others = np.sort(sizes[is_suspected != side])
        most[rising] = others[((np.arange(rising.size) + 0.5) / rising.size * others.size).astype(np.int64)]
    return most


def _orders(count: int, times: int, rng: np.random.Generator) -> Places:
    """Place of each of `count` groups in random orders, `[times, count]`."""
    return rng.permuted(np.tile(np.arange(count, dtype=np.int16), (times, 1)), axis=1)


def _first_means(scores: FloatArray, orders: Places, end: int, start: int = 0) -> FloatArray:
    """Mean scores of the groups whose place in each order is in `start .. end`, `[orders, m]`."""
    chosen = ((orders >= start) & (orders < end)).astype(np.float64)
    means: FloatArray = chosen @ scores.T / (end - start)
    return means


def _differences(scores: FloatArray, orders: Places, sizes: tuple[int, int]) -> FloatArray:
    """Mean scores of the first so many groups of each order less those of so many that follow, `[orders, m]`."""
    return _first_means(scores, orders, sizes[0]) - _first_means(scores, orders, sum(sizes), sizes[0])


def _covariance(scores: FloatArray) -> FloatArray:
    """Covariance of the scores over all groups, of whichever side, `[m, m]`."""
    return np.atleast_2d(np.cov(scores, bias=True))


def _p(observed: FloatArray, null: FloatArray, covariance: FloatArray, *, directed: bool = True) -> FloatArray:
    """The p of differences `[r, m]` from those of drawn sets `[draws, m]`, by the better of both sums, `[r]`."""
    sums, drawn = (_sums(differences, covariance, directed) for differences in (observed, null))
    ordered = np.sort(drawn, axis=0)

    def reached(values: FloatArray) -> FloatArray:
        """How many drawn sets reach each value of each sum; the least of both."""
        below = [np.searchsorted(column, value - _SLACK) for column, value in zip(ordered.T, values.T, strict=True)]
        least: FloatArray = len(drawn) - np.max(below, axis=0)
        return least

    least = np.sort(reached(drawn))
    p: FloatArray = (1 + np.searchsorted(least, 1 + reached(sums), side="right")) / (1 + len(drawn))
    return p


def _sums(differences: FloatArray, covariance: FloatArray, directed: bool) -> FloatArray:
    """The difference of the plain mean and that of Fisher's discriminant in its standard deviations, `[r, 2]`."""
    mean = differences.mean(axis=1)
    upwards = np.maximum(differences, 0.0) if directed else differences
    weights = np.linalg.solve(covariance + _RIDGE * np.eye(len(covariance)), upwards.T).T
    deviation = np.sqrt(np.maximum(np.sum((weights @ covariance) * weights, axis=1), np.finfo(float).tiny))
    return np.column_stack([mean if directed else np.abs(mean), np.sum(weights * differences, axis=1) / deviation])
