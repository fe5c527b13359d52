"""Statistics of a target and its base with a planted difficulty, and the AUCs that follow from the numbers alone."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from lit_mia.attacks.calibration import Calibrated, CalibratedAttack, Learning
from lit_mia.attacks.statistics import Loss
from lit_mia.metrics.auc import auc

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Difficulty:
    """s_B = D + noise, s_T = slope · D + effect · member + noise, with D ~ N(0, 1); every column has noise of its own.

    Attributes:
        effect: What a member gains.
        noise: Standard deviation of the noise of each of the two.
        slope: How much of the difficulty the target keeps.
        columns: Number of columns.
        learned: Records of train; a fifth of them are in val beside.
        tested: Records of test.
    """

    effect: float = 0.2
    noise: float = 0.15
    slope: float = 1.0
    columns: int = 1
    learned: int = 4000
    tested: int = 20000

    def drawn(self, seed: int = 0) -> "Drawn":
        """Records in random order, half of them members."""
        rng, n = np.random.default_rng(seed), self.learned * 6 // 5 + self.tested
        labels = rng.permutation(np.arange(n) % 2)
        hard = rng.normal(size=(n, 1))
        noise = self.noise * rng.normal(size=(2, n, self.columns))
        target, base = self.slope * hard + self.effect * labels[:, None] + noise[0], hard + noise[1]
        first, second = self.learned, self.learned * 6 // 5
        return Drawn(target, base, Learning(labels, range(first), range(first, second)), range(second, n))

    def auc_of(self, variance: float) -> float:
        """Of a score that members exceed by the effect on average, Φ(effect / √(2 variance))."""
        return float(norm.cdf(self.effect / np.sqrt(2 * variance)))

    @property
    def plain(self) -> float:
        """AUC of s_T."""
        return self.auc_of(self.slope**2 + self.noise**2)

    @property
    def subtracted(self) -> float:
        """AUC of s_T − s_B."""
        return self.auc_of((self.slope - 1) ** 2 + 2 * self.noise**2)

    @property
    def fitted(self) -> float:
        """AUC of s_T − β s_B with the best slope, β = slope / (1 + noise²)."""
        return self.auc_of(self.slope**2 + self.noise**2 - self.slope**2 / (1 + self.noise**2))


@dataclass(frozen=True, eq=False)
class Drawn:
    """Statistics, what may be learned from, and the rows of test."""

    target: Floats
    base: Floats
    learning: Learning
    test: range

    def broken(self) -> "Drawn":
        """Each record with the base's statistics of another one."""
        other = np.random.default_rng(5).permutation(len(self.base))
        return replace(self, base=self.base[other])

    def auc(self, scores: Floats) -> float:
        """On test."""
        return auc(scores[self.test], self.learning.labels[self.test])

    def by(self, form: type[CalibratedAttack]) -> Calibrated:
        """What a form makes of them."""
        return calibrated(form, self.target, self.base, self.learning)


def calibrated(form: type[CalibratedAttack], target: Floats, base: Floats, learning: Learning) -> Calibrated:
    """What a form makes of statistics whose columns are called c0, c1, …"""
    return form([Loss()]).calibrate(target, base, [f"c{i}" for i in range(target.shape[1])], learning)
