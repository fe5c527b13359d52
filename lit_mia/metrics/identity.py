"""Rates over people: how many are recognised, with intervals from resampled people, and what chance allows."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lit_mia.errors import MetricError
from lit_mia.metrics.resampling import batch_sizes, percentiles
from lit_mia.metrics.threshold import clopper_pearson


@dataclass(frozen=True)
class Rate:
    """A mean over people.

    Attributes:
        value: The mean.
        lo: Lower end of its 95 % interval over people.
        hi: Upper end.
        people: How many people it is the mean of.
    """

    value: float
    lo: float
    hi: float
    people: int

    @property
    def ci(self) -> list[float]:
        """Both ends."""
        return [self.lo, self.hi]


def recognised(correct: ArrayLike, threshold: int) -> NDArray[np.float64]:
    """Share of the draws in which a person is called a member.

    Args:
        correct: Correct templates, `[..., draws]`.
        threshold: Number of templates τ.

    Returns:
        `[...]` in [0, 1].
    """
    shares: NDArray[np.float64] = np.mean(np.asarray(correct) >= threshold, axis=-1)
    return shares


def rate(shares: ArrayLike, replicates: int = 2000, seed: int = 0) -> Rate:
    """The mean share, with a 95 % interval over people.

    Draws of images are averaged within each person first: they are no new people. The interval reaches from the lower
    to the higher end of two: percentiles of people drawn with replacement, and Clopper-Pearson's for as many people as
    the shares add up to. Resampling alone is too narrow where few people are ever, or never, recognised.

    Args:
        shares: One number in [0, 1] per person, `[people]`.
        replicates: Number of resamples.
        seed: Seed of the resampling.

    Raises:
        MetricError: If there are no people.
    """
    drawn = mean_over_people(shares, replicates, seed)
    hits = round(drawn.value * drawn.people, 9)  # a sum of shares may be off in its last digits
    lo = clopper_pearson(math.floor(hits), drawn.people).lo
    hi = clopper_pearson(math.ceil(hits), drawn.people).hi
    return Rate(drawn.value, min(drawn.lo, lo), max(drawn.hi, hi), drawn.people)


def mean_over_people(values: ArrayLike, replicates: int = 2000, seed: int = 0) -> Rate:
    """The mean of any number per person, such as a paired difference, with a percentile interval over people.

    Args:
        values: One number per person, `[people]`.
        replicates: Number of resamples.
        seed: Seed of the resampling.

    Raises:
        MetricError: If there are no people.
    """
    vector, rng = np.asarray(values, np.float64), np.random.default_rng(seed)
    if vector.ndim != 1 or not len(vector) or not np.isfinite(vector).all():
        raise MetricError(f"A rate needs one finite number per person and at least one person, but got {vector.shape}.")
    n = len(vector)
    drawn = [vector[rng.integers(n, size=(size, n))].mean(axis=1) for size in batch_sizes(replicates, n)]
    lo, hi = percentiles(np.concatenate(drawn), 0.95)
    return Rate(float(vector.mean()), lo, hi, n)


def null_bound(templates: int, threshold: int, pool: int) -> float:
    """Most that a false-positive rate can be, on average, if names are exchangeable within the pool: ⌊P / τ⌋ / M.

    At most ⌊P / τ⌋ names can each have τ templates, and each of the M names is as likely as any to be among them.
    Names are not exchangeable, and the rate may be larger, if the model matches the sex or origin of faces to names.

    Args:
        templates: Number of templates P.
        threshold: Number of templates τ that make a member.
        pool: Number of names M.
    """
    return (templates // threshold) / pool


def within_null(measured: Rate, bound: float) -> bool:
    """Whether a rate is what chance allows: the bound lies inside or above its interval."""
    return measured.lo <= bound


def trend_with_images(shares: ArrayLike) -> float | None:
    """One-sided p-value of "recognition does not rise with the number of images": a t-test of one slope per person.

    Draws of one person are nested and share their images, so that people, not draws or numbers of images, are the
    unit. A slope is that of the least-squares line over the places of n: its mean over people is 0 if the mean share
    does not change, however skewed the slopes are; tests of their ranks or signs reject too often there. No p-value is
    below that of as many equal signs, since few people may happen to be alike.

    Args:
        shares: By person and number of images in rising order, `[people, n]`.

    Returns:
        None with fewer than three numbers of images or two people, or if nobody's share changes.
    """
    from scipy.stats import ttest_1samp

    table = np.asarray(shares, np.float64)
    if table.ndim != 2 or table.shape[0] < 2 or table.shape[1] < 3:
        return None
    places = np.arange(table.shape[1]) - (table.shape[1] - 1) / 2
    slopes = (table - table.mean(axis=1, keepdims=True)) @ places
    changing = np.count_nonzero(np.ptp(table, axis=1))
    if not changing:
        return None
    if np.ptp(slopes) < 1e-9:  # no variance to test with
        return float(0.5**changing if slopes[0] > 0 else 1)
    return max(float(ttest_1samp(slopes, 0, alternative="greater").pvalue), 0.5**changing)


def trend_with_occurrences(occurrences: ArrayLike, shares: ArrayLike) -> float | None:
    """One-sided p-value of "recognition does not rise with the number of training pairs": Kendall's τ-b over people.

    Args:
        occurrences: Training pairs of each person, `[people]`.
        shares: Share of draws in which each is recognised, `[people]`.

    Returns:
        None if either is the same for all.
    """
    from scipy.stats import kendalltau

    counts, values = np.asarray(occurrences, np.float64), np.asarray(shares, np.float64)
    if len(counts) < 3 or np.ptp(counts) == 0 or np.ptp(values) == 0:
        return None
    return float(kendalltau(counts, values, alternative="greater").pvalue)
