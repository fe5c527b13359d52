"""The plain difference: what the target's statistic gained on that of its base."""

from collections.abc import Sequence
from typing import final

import numpy as np

from lit_mia.attacks.calibration.base import Calibrated, CalibratedAttack, Floats, Learning
from lit_mia.metrics.auc import auc


@final
class BaseDifference(CalibratedAttack):
    """s_T − s_B of one statistic at one setting: that with the largest AUC on train and val.

    Watson et al. 2022, arXiv 2111.08440, for classifiers. RMIA (arXiv 2312.03262) with the base as its only reference
    ranks records alike.

    Args:
        statistics: Statistics at all their settings; each pair of a statistic and a setting is one column.
    """

    form = "Difference"

    def _calibrate(self, target: Floats, base: Floats, names: Sequence[str], learning: Learning) -> Calibrated:
        gained, labels = difference(target, base), learning.labels[learning.known]
        best = int(np.argmax([auc(column, labels) for column in gained[learning.known].T]))
        return Calibrated(gained[:, best], names[best])


def difference(target: Floats, base: Floats) -> Floats:
    """s_T − s_B, `[n, m]`; exactly 0 where the two are equal."""
    return target - base
