"""What the verdict rule finds: the AUC that an attack needs, by simulation of the rule as it is applied.

All scores are drawn at 0.5 from the joint normal distribution of their AUCs, one attack is raised, and the whole rule
is applied: own test, every control and placebo, and the correction for all attacks.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import NormalDist

import numpy as np
from scipy.special import ndtr

from lit_mia.metrics.auc import null_se
from lit_mia.metrics.covariance import Aucs
from lit_mia.metrics.evidence import COIN_LEVEL, LEVEL
from lit_mia.metrics.holm import holm_adjusted
from lit_mia.metrics.intervals import LEAST_GROUPS, Measured
from lit_mia.metrics.roc import BoolArray, FloatArray
from lit_mia.metrics.shift import p_beyond

POWER = 0.8
DRAWS, SEED, STEPS = 4000, 0, 14


@dataclass(frozen=True)
class Power:
    """What the rule, as it was applied, finds four times in five.

    Attributes:
        auc_needed: The AUC at which an attack is found, whichever it is; None where that cannot be said.
        violation: Under a coin, the AUC of a control at which its check finds a violation; None elsewhere.
    """

    auc_needed: float | None
    violation: float | None = None


@dataclass(frozen=True)
class Clause:
    """What an attack has to do to be found.

    Attributes:
        coin: Whether it must be above 0.5, and above the controls that differ from 0.5; else it must be beyond all
            controls.
        factor: By how many times the log odds of a control have to be exceeded; None: not at all.
        silent: Whether no control may read the sides.
    """

    coin: bool
    factor: float | None
    silent: bool = False


def null_aucs(measured: Measured) -> Aucs:
    """Useless scores that vary together as these do: all AUCs 0.5, with the variance of a useless score.

    An AUC of 0 or 1 shows neither its variance nor what it varies with: a group then counts as one record, and the
    score as independent of the others. Scores that are all equal have no variance.

    Args:
        measured: AUCs of attacks and controls.
    """
    by_group, values = measured.by_group.covariance, measured.by_group.values
    variance, alone = np.diag(by_group), np.diag(measured.by_record.covariance)
    known = (variance > 0) & (alone > 0)
    per_group = np.full_like(variance, (measured.n1 + measured.n0) / measured.by_group.groups)
    inflation = np.divide(variance, alone, out=per_group, where=known)
    deviation = np.sqrt(inflation) * null_se(measured.n1, measured.n0) * (known | (values == 0) | (values == 1))
    unit = np.sqrt(np.where(known, variance, 1.0))
    correlation = np.where(np.outer(known, known), by_group / np.outer(unit, unit), np.eye(len(variance)))
    covariance = correlation * np.outer(deviation, deviation)
    return Aucs(np.full(len(variance), 0.5), covariance, *measured.by_group.counts)


def auc_needed(null: Aucs, against: Sequence[Sequence[int]], clause: Clause) -> float | None:
    """The AUC at which an attack is found with 80 % power, the largest over the attacks; None where it cannot be said.

    Args:
        null: The attacks, then the controls, at 0.5.
        against: For each attack, the places of its controls among all.
        clause: What finds it.

    Returns:
        The AUC, at most 1; None with fewer than 10 groups on a side, or if not even 1 would be found.
    """
    if min(null.members, null.nonmembers) < LEAST_GROUPS:
        return None
    simulated = Simulated(null, against, clause)
    needed = [simulated.auc_needed(attack) for attack in range(len(against))]
    return None if None in needed else max(value for value in needed if value is not None)


def violation_found(null: Aucs, controls: int) -> float | None:
    """The AUC of a control at which the two-sided check of a coin by all of them finds it with 80 % power.

    Args:
        null: The attacks, then the controls, at 0.5.
        controls: Number of controls.

    Returns:
        The AUC, at most 1; None without controls, if all of them are constant, or with fewer than 10 groups on a side.
    """
    deviation = float(np.sqrt(np.diag(null.covariance)[len(null.values) - controls :].max(initial=0.0)))
    if not deviation or min(null.members, null.nonmembers) < LEAST_GROUPS:
        return None
    normal = NormalDist()
    return min(1.0, 0.5 + deviation * (normal.inv_cdf(1 - COIN_LEVEL / 2 / controls) + normal.inv_cdf(POWER)))


@dataclass(frozen=True, eq=False)
class Simulated:
    """Repetitions of an audit in which nothing leaks, into which a leak of one attack is put.

    Attributes:
        null: The attacks, then the controls, at 0.5.
        against: For each attack, the places of its controls among all.
        clause: What finds an attack.
    """

    null: Aucs
    against: Sequence[Sequence[int]]
    clause: Clause

    def auc_needed(self, attack: int) -> float | None:
        """The AUC at which an attack is found with 80 % power; None if not even 1 is."""
        low, high = 0.5, 1.0
        if self.share_found(attack, high) < POWER:
            return None
        for _ in range(STEPS):
            middle = (low + high) / 2
            low, high = (low, middle) if self.share_found(attack, middle) >= POWER else (middle, high)
        return high

    def share_found(self, attack: int, value: float) -> float:
        """How often an attack of a given AUC is found, all other scores being useless."""
        raised = self._drawn[:, attack] + value - 0.5
        own = self._own(raised, attack)
        if self.clause.coin:
            found = own > self._largest_own
        else:
            p = np.column_stack(self._p)
            p[:, attack] = self._worst(raised, attack)
            found = holm_adjusted(p)[:, attack] <= LEVEL
        if self.clause.coin and self.clause.factor is not None:
            found = found & np.all([self._beaten(raised, attack, one) for one in self.against[attack]], axis=0)
        if self.clause.silent:
            found = found & ~self._read
        return float(np.mean(found))

    # ------------------------------------------------------------------ what does not depend on the leak

    @cached_property
    def _drawn(self) -> FloatArray:
        """Jointly normal AUCs around 0.5, `[draws, m]`."""
        values, vectors = np.linalg.eigh(self.null.covariance)
        noise = np.random.default_rng(SEED).normal(size=(DRAWS, len(values)))
        drawn: FloatArray = 0.5 + noise @ (vectors * np.sqrt(np.maximum(values, 0))).T
        return drawn

    @cached_property
    def _largest_own(self) -> float:
        """Above it the largest statistic of all attacks lies in 5 % of the repetitions."""
        statistics = [self._own(self._drawn[:, attack], attack) for attack in range(len(self.against))]
        return float(np.quantile(np.max(statistics, axis=0), 1 - LEVEL))

    @cached_property
    def _p(self) -> list[FloatArray]:
        """For each attack, without a leak, the largest p of what it has to refuse."""
        return [self._worst(self._drawn[:, attack], attack) for attack in range(len(self.against))]

    @cached_property
    def _read(self) -> BoolArray:
        """Whether a control reads the sides, `[draws]`."""
        controls = range(len(self.against), len(self.null.values))
        p = [self._two_sided(one) for one in controls]
        read: BoolArray = np.min(p, axis=0, initial=1.0) * max(1, len(p)) <= LEVEL
        return read

    # ------------------------------------------------------------------ tests

    def _own(self, value: FloatArray, place: int) -> FloatArray:
        """The statistic of an AUC against 0.5; 0 for scores that are constant."""
        deviation = float(np.sqrt(self.null.covariance[place, place]))
        return (value - 0.5) / deviation if deviation else np.zeros_like(value)

    def _two_sided(self, control: int) -> FloatArray:
        """P of a control being at 0.5, `[draws]`."""
        p: FloatArray = 2 * ndtr(-np.abs(self._own(self._drawn[:, control], control)))
        return p

    def _worst(self, value: FloatArray, attack: int) -> FloatArray:
        """The largest p of an attack's own test and of those against its controls."""
        own: FloatArray = ndtr(-self._own(value, attack))
        beyond = [self._beyond(value, attack, one) for one in self.against[attack]]
        worst: FloatArray = np.max([own, *beyond], axis=0)
        return worst

    def _beaten(self, value: FloatArray, attack: int, control: int) -> BoolArray:
        """Whether a control is at 0.5, or below the attack if it is not."""
        beaten: BoolArray = (self._two_sided(control) > LEVEL) | (self._beyond(value, attack, control) <= LEVEL)
        return beaten

    def _beyond(self, value: FloatArray, attack: int, control: int) -> FloatArray:
        """P of an attack not being beyond a control, or its mirror image where it is below 0.5 by itself."""
        if self.clause.factor is None:
            return np.zeros_like(value)
        pair, other = self.null.pair(attack, control), self._drawn[:, control]
        p = p_beyond(value, other, pair, factor=self.clause.factor)
        mirrored = p_beyond(value, other, pair, factor=self.clause.factor, mirrored=True)
        below = (other < 0.5) & (self._two_sided(control) <= LEVEL)
        return np.where(below, np.maximum(p, mirrored), p)
