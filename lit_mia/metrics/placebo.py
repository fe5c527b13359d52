"""Whether a placebo answers well enough to stand for a target that saw neither side."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lit_mia.errors import MetricError
from lit_mia.metrics.evidence import PlaceboCheck
from lit_mia.metrics.intervals import LEAST_GROUPS
from lit_mia.metrics.resampling import group_numbers
from lit_mia.metrics.roc import FloatArray
from lit_mia.metrics.shift import SHIFT

MOST_GAP = 0.2
"""Standard deviations of the target's similarities by which a placebo's may be lower."""
CONFIDENCE = 0.95


class _Gap(NamedTuple):
    """A mean over records, in standard deviations of the target's, with one-sided 95 % bounds."""

    mean: float
    lo: float
    hi: float


def placebo_check(
    target_similarity: ArrayLike, placebo_similarity: ArrayLike, groups: ArrayLike, *, gained: bool = False
) -> PlaceboCheck:
    """Whether a placebo's answers about non-members are not worse than the target's.

    A placebo that draws badly betrays nothing of what a good model's answers would, so it is no placebo. It is valid if
    the one-sided upper 95 % bound of mean(target - placebo) is below 0.2 standard deviations of the target's
    similarities. Records are paired; the unit of the bound is the group (a t interval with the variance of group sums).
    Nothing is used of a record but that it is no member.

    The placebo of an attack that reads the base has to have learned the domain as the target did, which shows in what
    both gained over the base. Where the target itself gained no more than 0.2 standard deviations (one-sided 95 %
    bound), the base would pass as well, so nothing can be told of a placebo: members may be of another domain than
    these records, of which the placebo has learned nothing. And 1.5 times what the placebo gained has to be more than
    what the target did (one-sided 95 %): the rule allows a shift to be read 1.5 times better than the placebo reads it,
    and what a model learned of the domain is read as much better as it learned more of it.

    Args:
        target_similarity: How like each of `n` non-members of test the target's answers to it are, `[n]`; higher is
            closer, in any unit.
        placebo_similarity: The same of the placebo's answers to the same questions, `[n]`, in the same unit.
        groups: Name of each record's group, `[n]`.
        gained: Whether the similarities are what was gained over a base, whose own are 0.

    Returns:
        The check. It is not valid where it cannot be said: with fewer than ten groups, where all the target's
        similarities are equal, where no answer differs, as of one model under two names, and where the base would pass.

    Raises:
        MetricError: If the arrays differ in length, or a similarity is not finite.
    """
    target, placebo, names = _checked(target_similarity, placebo_similarity, groups)
    parts = group_numbers(names, len(target))
    count = int(parts.max(initial=-1)) + 1
    if count < LEAST_GROUPS:
        return PlaceboCheck(
            False,
            f"Whether its answers are as good as the target's cannot be said: test holds {count} groups of "
            f"non-members, fewer than {LEAST_GROUPS}.",
        )
    if np.ptp(target) == 0:
        return PlaceboCheck(
            False,
            "Whether its answers are as good as the target's cannot be said: the target's are equally like every "
            "non-member of test.",
        )
    if np.array_equal(target, placebo):
        return PlaceboCheck(False, "It answers every question as the target does, so it is the same model.")
    deviation = np.std(target, ddof=1)
    if gained and (learned := _gap(target / deviation, parts)).lo <= MOST_GAP:
        return PlaceboCheck(False, _learned_little(learned))
    gap = _gap((target - placebo) / deviation, parts)
    valid = gap.hi < MOST_GAP and (not gained or _gap(target - SHIFT * placebo, parts).hi < 0)
    return PlaceboCheck(valid, _told(gap, valid, gained), gap=gap.mean, gap_hi=gap.hi)


def _gap(values: FloatArray, parts: NDArray[np.int64]) -> _Gap:
    """The mean of `[n]` values with its bounds; the unit is the group."""
    mean, count = float(values.mean()), int(parts.max()) + 1
    sums = np.bincount(parts, weights=values - mean)
    error = float(np.sqrt(count / (count - 1) * np.square(sums).sum())) / len(values)
    half = _quantile(count - 1) * error
    return _Gap(mean, mean - half, mean + half)


def _told(gap: _Gap, valid: bool, gained: bool) -> str:
    more = "less" if gap.mean > 0 else "more"
    found = (
        f"it gained {abs(gap.mean):.2f} standard deviations {more} over the base than the target did"
        if gained
        else f"its answers are {abs(gap.mean):.2f} standard deviations {more} like the records than the target's"
    )
    more_than = f"; 1 / {SHIFT} of the target's gain has to be exceeded too" if gained else ""
    return (
        f"On the non-members of test {found} (by the 95 % bound at most {gap.hi:.2f} less; {MOST_GAP} are "
        f"allowed{more_than})"
        f"{'' if valid else ': too weak, or too few records to tell'}."
    )


def _learned_little(learned: _Gap) -> str:
    return (
        "Whether it learned of the domain what the target did cannot be said: on the non-members of test the target "
        f"gained {learned.mean:.2f} standard deviations over the base (by the 95 % bound at least {learned.lo:.2f}; "
        f"more than {MOST_GAP} are needed), so a model that learned nothing would pass too."
    )


def _quantile(degrees: int) -> float:
    from scipy.stats import t

    return float(t.ppf(CONFIDENCE, degrees))


def _checked(target: ArrayLike, placebo: ArrayLike, groups: ArrayLike) -> tuple[FloatArray, FloatArray, FloatArray]:
    of_target, of_placebo = (np.asarray(values, dtype=np.float64) for values in (target, placebo))
    names = np.asarray(groups)
    shapes = [of_target.shape, of_placebo.shape, names.shape]
    if of_target.ndim != 1 or len(set(shapes)) > 1:
        raise MetricError(f"A placebo is checked by one similarity of each model per record, but got shapes {shapes}.")
    if not (np.isfinite(of_target).all() and np.isfinite(of_placebo).all()):
        raise MetricError(
            "Similarities of answers to records must be finite. Leave out records that were not answered."
        )
    return of_target, of_placebo, names
