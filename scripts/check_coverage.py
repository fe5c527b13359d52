"""How often 95 % intervals hold the truth: AUCs, differences, rates of frozen thresholds and TPR at 10 % FPR.

Scores are normal; in groups, a share `r` of their variance belongs to the group. A cell is the share of repetitions in
which the interval holds the truth, with its own 95 % Clopper-Pearson interval.

    python scripts/check_coverage.py --repetitions 1000
"""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from lit_mia.metrics.auc import Interval
from lit_mia.metrics.intervals import auc_difference, auc_estimate
from lit_mia.metrics.rates import clopper_pearson
from lit_mia.metrics.threshold import apply_threshold, tpr_at_fpr

AUCS = (0.5, 0.7, 0.9, 0.95, 0.99, 0.998)
FPR = 0.1
TOGETHER = 0.7
"""Correlation of the attack and the control that it is compared with."""
CONTROL = 0.6
"""AUC of that control."""


@dataclass(frozen=True)
class Records:
    """Groups of one size on both sides, and the share of the variance of scores that belongs to them."""

    members: int
    nonmembers: int
    size: int = 1
    share: float = 0.0

    def __str__(self) -> str:
        """`36 + 71 groups of 5, r = 0.9`."""
        sides = f"{self.members} + {self.nonmembers}"
        return sides if self.size == 1 else f"{sides} groups of {self.size}, r = {self.share}"

    @property
    def groups(self) -> NDArray[np.int64]:
        """The group of each record, `[n]`."""
        return np.repeat(np.arange(self.members + self.nonmembers), self.size)

    def noise(self, rng: np.random.Generator) -> NDArray[np.float64]:
        """Scores of standard deviation 1 without any signal, `[n]`."""
        groups = self.groups
        of_group = rng.normal(size=groups.max() + 1)[groups]
        return np.sqrt(self.share) * of_group + np.sqrt(1 - self.share) * rng.normal(size=len(groups))


RECORDS = (
    Records(181, 356),
    Records(500, 500),
    *(Records(*sides, size=5, share=share) for sides in ((36, 71), (100, 100), (10, 10)) for share in (0.5, 0.9)),
)
COLUMNS = ("AUC", f"AUC - {CONTROL}", "frozen FPR", "frozen TPR", "TPR at 10 % FPR")


def coverage(records: Records, auc: float, repetitions: int, rng: np.random.Generator) -> list[float | None]:
    """Share of repetitions in which each of `COLUMNS` is held; None of what there are too few non-members for."""
    labels = (records.groups < records.members).astype(int)
    shifts = [np.sqrt(2) * float(stats.norm.ppf(value)) for value in (auc, CONTROL)]
    cut = float(stats.norm.isf(FPR))
    tpr = float(stats.norm.sf(cut - shifts[0]))
    held = []
    for _ in range(repetitions):
        shared = records.noise(rng)
        control = TOGETHER * shared + np.sqrt(1 - TOGETHER**2) * records.noise(rng) + shifts[1] * labels
        attack = shared + shifts[0] * labels
        frozen = apply_threshold(cut, FPR, attack, labels, groups=records.groups)
        low = tpr_at_fpr(attack, labels, FPR, records.groups)
        held.append(
            [
                holds(auc_estimate(attack, labels, records.groups).ci, auc),
                holds(auc_difference(attack, control, labels, records.groups).ci, auc - CONTROL),
                holds(frozen.realised_fpr_ci, FPR),
                holds(frozen.tpr_ci, tpr),
                holds(None if low.lo is None or low.hi is None else Interval(low.lo, low.hi), tpr),
            ]
        )
    return [None if None in column else float(np.mean(column)) for column in zip(*held, strict=True)]


def main(arguments: Sequence[str] | None = None) -> None:
    """Print a table of all cells."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repetitions", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args(arguments)
    print(f"| records | true AUC | {' | '.join(COLUMNS)} |")
    print("|---|---|" + "---|" * len(COLUMNS))
    for records in RECORDS:
        for place, auc in enumerate(AUCS):
            rng = np.random.default_rng([given.seed, place, records.members, int(10 * records.share)])
            cells = [cell(share, given.repetitions) for share in coverage(records, auc, given.repetitions, rng)]
            print(f"| {records} | {auc} | {' | '.join(cells)} |", flush=True)


def holds(ci: Interval | None, truth: float) -> bool | None:
    """Whether an interval holds the truth; None without one."""
    return None if ci is None else ci.lo <= truth <= ci.hi


def cell(share: float | None, repetitions: int) -> str:
    """A share in percent, with its own interval."""
    if share is None:
        return "–"
    lo, hi = clopper_pearson(round(share * repetitions), repetitions)
    return f"{100 * share:.1f} [{100 * lo:.1f}, {100 * hi:.1f}]"


if __name__ == "__main__":
    main()
