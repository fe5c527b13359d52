"""The sign vote: in how many small parts of a record the target is better than its base."""

from collections.abc import Sequence
from typing import final

import numpy as np

from lit_mia.attacks.calibration.base import Calibrated, CalibratedAttack, Floats, Learning


@final
class BaseSignVote(CalibratedAttack):
    """The share of components for which s_T > s_B, over all settings; a tie counts half.

    After SAMA (arXiv 2601.20125), which votes over random subsets of the masked tokens of language models; here over
    random subsets of positions, see `SubsetLoss`. A vote is better than a mean where single parts are far off, as with
    heavy tails, and worse where they are normal.

    Args:
        statistics: Statistics at all their settings; each of their components has a vote.
    """

    form = "Sign vote"
    reads_components = True

    def _calibrate(self, target: Floats, base: Floats, names: Sequence[str], learning: Learning) -> Calibrated:
        return Calibrated(sign_vote(target, base))


def sign_vote(target: Floats, base: Floats) -> Floats:
    """Share of columns in which the target's statistic is above the base's, `[n, m]` to `[n]` in [0, 1]."""
    share: Floats = (np.sign(target - base).mean(axis=1) + 1) / 2
    return share
