"""True positive rates at false positive rates in resampled records, of which changes are formed."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lit_mia.metrics.resampling import IntArray, batch_sizes, group_compositions
from lit_mia.metrics.roc import FloatArray, check_fractions, check_rows

DRAWS = 1000
_ROUNDING = 1e-9
_Times = NDArray[np.int32]


def drawn_tpr(
    scores: ArrayLike, labels: ArrayLike, fprs: Sequence[float], groups: ArrayLike | None = None, *, seed: int = 0
) -> FloatArray:
    """True positive rates of several scores in `DRAWS` bootstrap samples of groups, `[m, fprs, draws]`.

    Groups are drawn with replacement among those that hold members alone, non-members alone, or both, so that each
    sample has as many of each. All scores are of the same samples: the difference of two rows is paired. In each sample
    the rate is taken at the largest achieved false positive rate that is not above the asked one, as in
    `lit_mia.metrics.threshold.tpr_at_fpr`.

    Args:
        scores: Raw scores of the same records, `[m, n]`.
        labels: 1 = member, 0 = non-member, `[n]`.
        fprs: The false positive rates, each in (0, 1).
        groups: Name of each record's group, `[n]`; None if every record is its own group.
        seed: Of the samples.

    Raises:
        MetricError: If a rate is out of range or a record lacks its group; otherwise see `lit_mia.metrics.roc.check`.
    """
    check_fractions(**{f"fprs[{place}]": fpr for place, fpr in enumerate(fprs)})
    rows, is_member = check_rows(np.atleast_2d(scores), labels)
    group_of, composition = group_compositions(is_member, groups)
    drawn = []
    for times in _samples(composition, len(is_member), seed):
        of_side = [times[:, group_of[side]] for side in (~is_member, is_member)]
        drawn.append([_rates(values[~is_member], values[is_member], of_side, fprs) for values in rows])
    return np.concatenate(drawn, axis=2)


def _samples(composition: IntArray, n: int, seed: int) -> Iterator[_Times]:
    """How often each group is drawn, `[batch, groups]`, in batches that fit in memory."""
    rng = np.random.default_rng(seed)
    kinds = [np.flatnonzero(composition == kind) for kind in np.unique(composition)]
    for size in batch_sizes(DRAWS, n):
        times = np.zeros((size, len(composition)), dtype=np.int32)
        for kind in kinds:
            times[:, kind] = rng.multinomial(len(kind), np.full(len(kind), 1 / len(kind)), size=size)
        yield times


def _rates(outside: FloatArray, inside: FloatArray, times: Sequence[_Times], fprs: Sequence[float]) -> FloatArray:
    """The rates of one score, from how often each of its non-members and members was drawn: `[fprs, batch]`."""
    falling, order = -np.sort(-outside), np.argsort(-inside)
    false = np.cumsum(times[0][:, np.argsort(-outside)], axis=1, dtype=np.int32)
    true = np.pad(np.cumsum(times[1][:, order], axis=1, dtype=np.int32), ((0, 0), (1, 0)))
    above = np.append(np.searchsorted(-inside[order], -falling, side="left"), len(inside))  # members above each place
    rates = []
    for fpr in fprs:
        first_excluded = np.sum(false <= fpr * false[:, -1:] + _ROUNDING, axis=1)
        rates.append(np.take_along_axis(true, above[first_excluded][:, None], axis=1)[:, 0] / true[:, -1])
    return np.stack(rates)
