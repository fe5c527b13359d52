"""What a self-test counts: how often a verdict was reached, and from which AUC on a planted leak is found."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

import numpy as np

from lit_mia.metrics.evidence import Kind
from lit_mia.metrics.power import POWER
from lit_mia.metrics.rates import Rate, clopper_pearson
from lit_mia.report.membership.self_test_numbers import SelfTest, Trials

LEAKAGE: Kind = "leakage beyond controls"
IN_ITS_PLACE: tuple[Kind, ...] = (
    "suggestive (weak placebo)",
    "suggestive (no placebo)",
    "not evidence (post hoc design)",
    "not evidence (controls incomplete)",
)
"""What is said where an attack passes all tests, but placebo, design or controls do not let it be leakage."""


@dataclass(frozen=True)
class Curve:
    """How often a leak is found, by its strength.

    Attributes:
        name: What was planted.
        attacks: The attacks that were audited.
        aucs: AUC of the largest attack, mean over the audits of a strength, ascending, `[strengths]`.
        found: Share found, with its 95 % interval, `[strengths]`.
        needed: AUC that an attack needs to be found four times in five, as reports print it; None where it is not said.
    """

    name: str
    attacks: tuple[str, ...]
    aucs: tuple[float, ...]
    found: tuple[Rate, ...]
    needed: float | None

    @property
    def missed(self) -> int | None:
        """Place of the strongest leak that is found less than four times in five; None if none is."""
        return max((place for place, rate in enumerate(self.found) if rate.value < POWER), default=None)

    def reached(self, missed: int) -> float:
        """AUC from which on it is found four times in five, linear between a strength that is not and the next."""
        ends = slice(missed, missed + 2)
        return float(np.interp(POWER, [rate.value for rate in self.found[ends]], self.aucs[ends]))


def counted(trials: Trials, kinds: Sequence[str]) -> Rate:
    """The share of audits with one of these verdicts, with its 95 % interval (Clopper and Pearson 1934)."""
    times, n = sum(trials["verdicts"].get(kind, 0) for kind in kinds), trials["repetitions"]
    return Rate(times / n, clopper_pearson(times, n))


def findings_of(test: SelfTest) -> tuple[str, ...]:
    """The verdicts that count as found: leakage; where no planted leak is called so, what stands in its place.

    The AUC that reports print as needed is for the same.
    """
    reached = {kind for of in test.leaks for kind, times in of["verdicts"].items() if times}
    return (LEAKAGE,) if LEAKAGE in reached else (LEAKAGE, *(kind for kind in IN_ITS_PLACE if kind in reached))


def curves_of(test: SelfTest) -> list[Curve]:
    """A curve for each leak and set of attacks; strengths at which no audit came to an end are left out."""
    by_leak: dict[tuple[str, tuple[str, ...]], list[tuple[float, Trials]]] = {}
    for of in test.leaks:
        if of["attack"] is not None:
            by_leak.setdefault((of["planted"], tuple(of["attacks"])), []).append((of["attack"][1], of))
    return [_curve(*leak, lines, findings_of(test)) for leak, lines in by_leak.items()]


def _curve(name: str, attacks: tuple[str, ...], lines: Sequence[tuple[float, Trials]], kinds: Sequence[str]) -> Curve:
    ordered = sorted(lines, key=lambda line: line[0])
    needed = [of["auc_needed"] for _, of in lines if of["auc_needed"] is not None]
    return Curve(
        name=name,
        attacks=attacks,
        aucs=tuple(auc for auc, _ in ordered),
        found=tuple(counted(of, kinds) for _, of in ordered),
        needed=fmean(needed) if needed else None,
    )
