"""Raw scores: the input checks that all metrics share, the exact ROC curve, and one score from several seeds."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lit_mia.errors import MetricError

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Roc:
    """An exact ROC curve: one point per distinct score, no interpolation, no thinning.

    Attributes:
        fpr: Share of non-members with a score >= the threshold, rising from 0 to 1, `[d + 1]`.
        tpr: Share of members with a score >= the threshold, rising from 0 to 1, `[d + 1]`.
        thresholds: Falling; the first is +inf (nothing is called a member), the others are the distinct scores.
    """

    fpr: FloatArray
    tpr: FloatArray
    thresholds: FloatArray


def roc_curve(scores: ArrayLike, labels: ArrayLike) -> Roc:
    """The ROC curve from (0, 0) to (1, 1); higher score = more likely a member.

    Args:
        scores: Raw scores of any finite range, `[n]`.
        labels: 1 = member, 0 = non-member, `[n]`.

    Raises:
        MetricError: See `check`.
    """
    values, is_member = check(scores, labels)
    distinct, position = np.unique(-values, return_inverse=True)
    members = np.bincount(position[is_member], minlength=len(distinct))
    non_members = np.bincount(position[~is_member], minlength=len(distinct))
    return Roc(
        fpr=np.concatenate([[0.0], np.cumsum(non_members) / non_members.sum()]),
        tpr=np.concatenate([[0.0], np.cumsum(members) / members.sum()]),
        thresholds=np.concatenate([[np.inf], -distinct]),
    )


def check(scores: ArrayLike, labels: ArrayLike) -> tuple[FloatArray, BoolArray]:
    """The same scores as float64 and "is a member" as bool, both `[n]`.

    Raises:
        MetricError: If a score is not finite, a label is not 0 or 1, the lengths differ or a class is missing.
    """
    values, given = np.asarray(scores, dtype=np.float64), np.asarray(labels)
    if values.ndim != 1 or given.shape != values.shape:
        raise MetricError(
            f"Scores and labels must be vectors of one length, but have shapes {values.shape} and {given.shape}."
        )
    broken = int(np.sum(~np.isfinite(values)))
    if broken:
        raise MetricError(
            f"Scores must be finite, but {broken} of {len(values)} are NaN or infinite. Look for a head that diverged."
        )
    odd = [str(label) for label in np.unique(given) if label not in (0, 1)]
    if odd:
        raise MetricError(
            f"Labels must be 1 (member) or 0 (non-member), but {odd[:5]} occur as well. "
            "Leave out records of unknown membership."
        )
    is_member = given == 1
    if is_member.all() or not is_member.any():
        raise MetricError(
            f"A metric needs members and non-members, but got {is_member.sum()} members "
            f"and {np.sum(~is_member)} non-members. Use a larger split."
        )
    return values, is_member


def check_rows(scores: ArrayLike, labels: ArrayLike) -> tuple[FloatArray, BoolArray]:
    """The scores of several attacks for the same records as float64, `[m, n]`, and "is a member", `[n]`.

    Raises:
        MetricError: If there is no attack; otherwise see `check`.
    """
    values = np.asarray(scores, dtype=np.float64)
    if values.ndim != 2 or not len(values):
        raise MetricError(f"Scores must be [m, n] with m >= 1, but got shape {values.shape}.")
    *_, (_, is_member) = (check(row, labels) for row in values)
    return values, is_member


def check_fractions(**named: float) -> None:
    """Check that every named value lies strictly between 0 and 1.

    Raises:
        MetricError: If one does not.
    """
    for name, value in named.items():
        if not 0 < value < 1:
            raise MetricError(f"`{name}` must be in (0, 1), but got {value}. Give a share, e.g. 0.05 for 5 %.")


def combine_seeds(scores: ArrayLike, calibration: ArrayLike) -> FloatArray:
    """Mean over seeds of each seed's scores, z-scored with mean and standard deviation of its calibration records.

    A seed whose calibration scores are all equal has no scale and counts as zero for every record.

    Args:
        scores: Raw scores of each seed for the same records, `[seeds, n]`.
        calibration: True for the records to scale by, bool `[n]`; the other records have no influence on each other.

    Returns:
        Combined scores, `[n]`.

    Raises:
        MetricError: If the shapes do not fit, a score is not finite or no record is for calibration.
    """
    values, rows = np.asarray(scores, dtype=np.float64), np.asarray(calibration, dtype=bool)
    if values.ndim != 2 or not len(values) or rows.shape != values.shape[1:]:
        raise MetricError(
            f"Scores must be [seeds, n] and calibration [n], but their shapes are {values.shape} and {rows.shape}."
        )
    if not np.isfinite(values).all():
        broken = np.flatnonzero(~np.isfinite(values).all(axis=1)).tolist()
        raise MetricError(f"Scores must be finite, but those of seeds number {broken} are not. Train these heads anew.")
    if not rows.any():
        raise MetricError(
            "At least one record must be for calibration, but none is. Give the calibration split a share."
        )
    # by powers of two, which round nothing: squares of very large or small scores are no numbers
    values = np.ldexp(values, -np.frexp(np.abs(values[:, rows]).max(axis=1, keepdims=True))[1])
    known = values[:, rows]
    spread = known.std(axis=1, keepdims=True)
    varies = (np.ptp(known, axis=1, keepdims=True) > 0) & (spread > 0)  # rounding can leave a spread in equal scores
    scale = np.where(varies, spread, np.inf)
    combined: FloatArray = np.mean((values - known.mean(axis=1, keepdims=True)) / scale, axis=0)
    return combined
