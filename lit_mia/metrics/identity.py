"""Identity inference: rates over people, with intervals from resampled people, what chance allows, and the verdict.

The verdict says whether people who were in the training data are recognised, and nobody else.
"""

import math
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lit_mia.errors import MetricError
from lit_mia.metrics.evidence import Design
from lit_mia.metrics.rates import clopper_pearson
from lit_mia.metrics.resampling import batch_sizes, percentiles

IdentityKind = Literal[
    "identities recognised beyond controls",
    "not evidence (post hoc design)",
    "not evidence (no group that was never trained on)",
    "not evidence (no control model)",
    "confounded",
    "not detected at this power",
    "not measured (no known members)",
]


CONTROL_MODELS = frozenset({"untrained", "permuted names", "swapped membership"})
"""Names of the controls that are models; the others are groups of people."""


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


@dataclass(frozen=True)
class IdentityEvidence:
    """What an audit measured, at one threshold and number of images.

    Attributes:
        tpr: Recognised members; None if there are none.
        fpr: Recognised non-members; None if there are none.
        bound: Most that chance allows on average if names are exchangeable within the pool, ⌊P / τ⌋ / M.
        images: Number of images n.
        threshold: Templates that have to agree, τ.
        templates: Templates in all, P.
        pool: Names to choose from, M.
        controls: Whether each control that was run passes.
        missing: Controls that were not run, or could not be told for want of people.
    """

    tpr: Rate | None
    fpr: Rate | None
    bound: float
    images: int
    threshold: int
    templates: int
    pool: int
    controls: dict[str, bool] = field(default_factory=dict)
    missing: tuple[str, ...] = ()


@dataclass(frozen=True)
class IdentityVerdict:
    """The outcome in words: its kind, and a sentence that may be quoted whole."""

    kind: IdentityKind
    sentence: str


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


def decide_identity(evidence: IdentityEvidence, design: Design) -> IdentityVerdict:
    """Apply the rule; the first that holds counts.

    1. `not measured`: nobody is known to be a member.
    2. `not detected at this power`: the interval of the TPR does not lie above both the FPR's and the bound.
    3. `confounded`: a control does not pass.
    4. `not evidence`: there is no group that was never trained on, it was put together afterwards, or no control model
       (untrained, permuted names, swapped membership) was run.
    5. `identities recognised beyond controls`.

    Args:
        evidence: What was measured.
        design: How members and non-members came about.
    """
    tpr = evidence.tpr
    if tpr is None:
        return IdentityVerdict(
            "not measured (no known members)", f"Nobody is known to be a member. {_chance(evidence)}"
        )
    rule: dict[IdentityKind, bool] = {
        "not detected at this power": tpr.lo <= max(evidence.bound, evidence.fpr.hi if evidence.fpr else 0),
        "confounded": not all(evidence.controls.values()),
        "not evidence (no group that was never trained on)": evidence.fpr is None,
        "not evidence (post hoc design)": design == "post_hoc",
        "not evidence (no control model)": not evidence.controls.keys() & CONTROL_MODELS,
        "identities recognised beyond controls": True,
    }
    kind = next(kind for kind, holds in rule.items() if holds)
    return IdentityVerdict(kind, f"{_measured(tpr, evidence)} {_controls(evidence)}{_consequence(kind)}")


def _measured(tpr: Rate, evidence: IdentityEvidence) -> str:
    if evidence.fpr is None:
        others = "nobody who was never trained on was asked about"
    else:
        others = f"of {evidence.fpr.people} people who were never trained on it recognises {_percent(evidence.fpr)}"
    return (
        f"Of {tpr.people} people whose images and names were in the training data, the model recognises "
        f"{_percent(tpr)} by name (n = {evidence.images} images, at least {evidence.threshold} of {evidence.templates} "
        f"templates, {evidence.pool} names to choose from); {others}. "
        f"{_chance(evidence)}"
    )


def _chance(evidence: IdentityEvidence) -> str:
    return (
        f"Chance allows at most {100 * evidence.bound:.2g}\u00a0% on average, if names are exchangeable within the "
        "pool; larger if the model matches sex or origin to names."
    )


def _controls(evidence: IdentityEvidence) -> str:
    passed = [name for name, good in evidence.controls.items() if good]
    failed = [name for name, good in evidence.controls.items() if not good]
    parts = [
        f"Controls passed: {', '.join(passed)}." if passed else "",
        f"Controls failed: {', '.join(failed)}." if failed else "",
        f"Controls not run: {', '.join(evidence.missing)}." if evidence.missing else "",
    ]
    return " ".join(filter(None, parts))


def _consequence(kind: IdentityKind) -> str:
    return {
        "identities recognised beyond controls": " The model links names with faces that it learned in training.",
        "not evidence (post hoc design)": " Members and others were picked after the fact, so that more than training "
        "may tell them apart: a hint, not evidence of training use.",
        "not evidence (no group that was never trained on)": " Without people who were never trained on, false "
        "recognitions were not measured: a hint, not evidence of training use.",
        "not evidence (no control model)": " Without a control model, it was not tested whether people are recognised "
        "without a link learned in training: a hint, not evidence of training use.",
        "confounded": " A failed control recognises people, or does not follow membership, without a link learned in "
        "training, so that leakage is neither shown nor excluded.",
        "not detected at this power": " That is no more than among others or by chance: leakage is not shown, and not "
        "excluded.",
        "not measured (no known members)": "",
    }[kind]


def _percent(measured: Rate) -> str:
    return f"{100 * measured.value:.1f}\u00a0% [95\u00a0% interval {100 * measured.lo:.1f} to {100 * measured.hi:.1f}]"
