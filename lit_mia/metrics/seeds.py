"""One score per record from heads trained with several seeds."""

import numpy as np
from numpy.typing import ArrayLike

from lit_mia.errors import MetricError
from lit_mia.metrics.roc import FloatArray


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
    known = values[:, rows]
    spread = known.std(axis=1, keepdims=True)
    varies = (np.ptp(known, axis=1, keepdims=True) > 0) & (spread > 0)  # rounding can leave a spread in equal scores
    scale = np.where(varies, spread, np.inf)
    combined: FloatArray = np.mean((values - known.mean(axis=1, keepdims=True)) / scale, axis=0)
    return combined
