"""What every calibrated attack shares: statistics of the target beside the same statistics of the base it came from.

The base is the model before the fine-tuning. What is hard for both says nothing of membership, so it is taken out; what
the target learned of the whole domain is not, and looks like membership wherever the two sides differ in domain.
"""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from lit_mia.attacks.data import AuditedAttack
from lit_mia.attacks.statistics.base import Setting, StatisticAttack
from lit_mia.errors import HeadError

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Learning:
    """What a calibration may learn from and choose on; calibration and test are in none of the rows.

    Attributes:
        labels: 1 = member, 0 = non-member, of all records, `[n]`.
        train: Rows that are learned from.
        val: Rows that choose.
    """

    labels: NDArray[np.int64]
    train: Sequence[int]
    val: Sequence[int]


@dataclass(frozen=True, eq=False)
class Calibrated:
    """What a calibrated attack makes of the statistics.

    Attributes:
        scores: Higher for members, `[n]`.
        setting: What was chosen on train and val, in words; None if nothing was.
    """

    scores: Floats
    setting: str | None = None


class CalibratedAttack(AuditedAttack):
    """Statistics of the target, calibrated by those of its base at the same timesteps, noises and captions.

    Args:
        statistics: Statistics at all their settings; each pair of a statistic and a setting is one column.

    Raises:
        HeadError: If there are none, or two have the same name.

    Attributes:
        reads_components: Whether the components of a statistic are columns of their own, instead of their combination.
    """

    scored_by = "statistic"
    form: ClassVar[str]
    reads_components: ClassVar[bool] = False

    def __init__(self, statistics: list[StatisticAttack]) -> None:
        names = [statistic.name for statistic in statistics]
        if not names or len(set(names)) < len(names):
            raise HeadError(f"{self.form} needs at least one statistic, and each once, but got {names or 'none'}.")
        self.statistics = statistics
        self.name = f"{self.form} ({', '.join(names)})"
        self.level = statistics[0].level

    @property
    def needs_captions(self) -> bool:
        """Whether a statistic does."""
        return any(statistic.needs_captions for statistic in self.statistics)

    @property
    def asked(self) -> list[tuple[StatisticAttack, Setting]]:
        """What target and base are asked, in the order of the columns."""
        return [(statistic, setting) for statistic in self.statistics for setting in statistic.settings()]

    @abstractmethod
    def calibrate(self, target: Floats, base: Floats, names: Sequence[str], learning: Learning) -> Calibrated:
        """One score per record.

        Args:
            target: The target's statistics, `[n, m]`, higher for members.
            base: The base's, `[n, m]`.
            names: What each column is called, e.g. `Loss at t = 50`.
            learning: What may be learned from.

        Raises:
            HeadError: If the two do not differ.
        """
