"""What every calibrated attack shares: statistics of the target beside the same statistics of the base it came from.

The base is the model before the fine-tuning. What is hard for both says nothing of membership, so it is taken out; what
the target learned of the whole domain is not, and looks like membership wherever the two sides differ in domain.
"""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, final

import numpy as np
from numpy.typing import NDArray

from lit_mia.attacks.data import AuditedAttack
from lit_mia.attacks.statistics.base import Setting, StatisticAttack
from lit_mia.configured import Configured
from lit_mia.errors import HeadError
from lit_mia.reasons import listed
from lit_mia.registry import named_once

Floats = NDArray[np.float64]
ROUNDING = 1e-6
"""Columns differ where their difference varies by more than this share of how much the target's column varies."""


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

    @property
    def known(self) -> list[int]:
        """Rows of train and val."""
        return [*self.train, *self.val]


@dataclass(frozen=True, eq=False)
class Calibrated:
    """What a calibrated attack makes of the statistics.

    Attributes:
        scores: Higher for members, `[n]`.
        setting: What was chosen on train and val, in words; None if nothing was.
    """

    scores: Floats
    setting: str | None = None


class CalibratedAttack(Configured, AuditedAttack):
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
        names = named_once(self.form, "statistic", statistics)
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

    def check(self, learning: Learning) -> None:
        """Refuse records from which nothing can be learned, before anything is asked.

        Raises:
            HeadError: If there are too few.
        """

    @final
    def calibrate(self, target: Floats, base: Floats, names: Sequence[str], learning: Learning) -> Calibrated:
        """One score per record.

        Columns in which target and base do not differ are left out, and named in the setting.

        Args:
            target: The target's statistics, `[n, m]`, higher for members.
            base: The base's, `[n, m]`.
            names: What each column is called, e.g. `Loss at t = 50`; components of one statistic share their name.
            learning: What may be learned from.

        Raises:
            HeadError: If the two differ in no column, a statistic is not finite, or too few records are learned from.
        """
        self.check(learning)
        check_finite(self.form, target, base)
        differ = differing(target[learning.known], base[learning.known])
        if not differ.any():
            raise HeadError(
                f"{self.form} has nothing to read: the target does not differ from its base. On the "
                f"{len(learning.known)} records that it learns from, the difference of their statistics has no spread "
                f"in any of {len(names)} columns. Check that `base` is the model before the fine-tuning, and that the "
                "target's adapter or checkpoint is loaded and at work."
            )
        kept = [name for name, differs in zip(names, differ, strict=True) if differs]
        found = self._calibrate(target[:, differ], base[:, differ], kept, learning)
        left_out = dict.fromkeys(name for name in names if name not in kept)
        return replace(found, setting=_told(found.setting, list(left_out)))

    @abstractmethod
    def _calibrate(self, target: Floats, base: Floats, names: Sequence[str], learning: Learning) -> Calibrated:
        """One score per record, of columns in which target and base differ."""


def differing(target: Floats, base: Floats) -> NDArray[np.bool_]:
    """The columns in which a target differs from its base by more than a constant and rounding, `[m]`.

    Args:
        target: The target's statistics, `[n, m]`.
        base: The base's.
    """
    spread = np.ptp(target, axis=0)
    differ: NDArray[np.bool_] = (spread > 0) & (np.ptp(target - base, axis=0) > ROUNDING * spread)
    return differ


def check_finite(form: str, *statistics: Floats) -> None:
    """Refuse statistics of refused records, which should have been left out before.

    Raises:
        HeadError: If one is NaN or infinite.
    """
    broken = sum(int(np.sum(~np.isfinite(values).all(axis=1))) for values in statistics)
    if broken:
        raise HeadError(
            f"{form} needs finite statistics, but {broken} of {sum(map(len, statistics))} records of target and base "
            "have some that are NaN or infinite. Leave out the records that were refused, or run both models in "
            "another precision."
        )


def _told(setting: str | None, left_out: Sequence[str]) -> str | None:
    """What was chosen, and which columns were left out."""
    told = [f"no difference to the base in {listed(left_out)}"] if left_out else []
    return "; ".join([*([setting] if setting else []), *told]) or None
