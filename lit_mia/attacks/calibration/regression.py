"""The fitted slope: what the target's statistics say beyond what those of its base predict."""

from collections.abc import Sequence
from typing import final

import numpy as np
from numpy.typing import NDArray

from lit_mia.attacks.calibration.base import Calibrated, CalibratedAttack, Floats, Learning
from lit_mia.errors import HeadError

FEWEST = 10
"""Non-members of train from which slopes are fitted at least."""
STRENGTHS = (0.01, 0.1, 1.0, 10.0, 100.0, 1000.0)
"""Strengths of the ridge to choose from, of columns with a standard deviation of 1."""
_NO_SPREAD = 1e-6
"""Residuals that vary less than this are divided by it: where non-members are predicted to the last digit."""


@final
class BaseRegression(CalibratedAttack):
    """The mean over columns of z = (s_T − ŝ_T) / spread, where ŝ_T is what all columns of the base predict of s_T.

    A ridge regression for each column of the target, fitted on the non-members of train alone, so it is what a record
    looks like that was not learned; the spread is that of its residuals there. Difficulty moves the target less than
    the base, by slopes of 0.05 to 0.6 in fine-tunes, and the plain difference subtracts all of it.

    Args:
        statistics: Statistics at all their settings; each pair of a statistic and a setting is one column.
    """

    form = "Regression"

    def check(self, learning: Learning) -> None:
        """See `CalibratedAttack`; slopes need non-members of train."""
        count = len(_nonmembers(learning))
        if count < FEWEST:
            raise HeadError(
                f"{self.form} fits slopes on the non-members of train, of which there must be at least {FEWEST}, but "
                f"there are {count}. Use more records, a larger share of train, or BaseDifference, which fits none."
            )

    def _calibrate(self, target: Floats, base: Floats, names: Sequence[str], learning: Learning) -> Calibrated:
        residuals, strength = ridge_residuals(target, base, _nonmembers(learning))
        return Calibrated(residuals.mean(axis=1), f"ridge {strength:g}")


def _nonmembers(learning: Learning) -> NDArray[np.int64]:
    return np.array([row for row in learning.train if learning.labels[row] == 0], dtype=np.int64)


def ridge_residuals(target: Floats, base: Floats, rows: NDArray[np.int64]) -> tuple[Floats, float]:
    """What is left of each column of the target once all columns of the base have predicted it, in standard deviations.

    Args:
        target: The target's statistics, `[n, m]`, each with some spread.
        base: The base's, `[n, m]`.
        rows: Non-members that everything is fitted on: means, deviations, slopes, and by leaving one out the ridge.

    Returns:
        Residuals `[n, m]`, of mean 0 and deviation 1 on `rows`, and the strength of the ridge.
    """
    from sklearn.linear_model import RidgeCV
    from sklearn.preprocessing import StandardScaler

    scaled, features = (StandardScaler().fit(values[rows]).transform(values) for values in (target, base))
    ridge = RidgeCV(STRENGTHS).fit(features[rows], scaled[rows])
    residuals = scaled - ridge.predict(features).reshape(scaled.shape)  # of one column it is a vector
    spread = residuals[rows].std(axis=0)
    return residuals / np.maximum(spread, _NO_SPREAD), float(ridge.alpha_)
