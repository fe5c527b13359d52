"""How often 95 % intervals of a change from one audit to another hold the truth, and find what they say they find.

Scores are normal; in groups, a share `r` of their variance belongs to the group. The AUC falls to 0.6. A cell is a
share of repetitions with its own 95 % Clopper-Pearson interval; `seen` is how often a fall is significant that is of
the size that audits without a change say would be seen, in the mean over 50.

    python scripts/check_changes.py --repetitions 1000
"""

import argparse
from collections.abc import Sequence

import numpy as np
from check_coverage import Records, cell, holds
from numpy.typing import NDArray
from scipy import stats

from lit_mia.metrics.auc import Interval
from lit_mia.metrics.change.auc_change import LEVEL, Change, apart, change_of
from lit_mia.metrics.change.rate_draws import drawn_tpr
from lit_mia.metrics.intervals import measure
from lit_mia.metrics.resampling import percentiles

RECORDS = (Records(181, 356), Records(36, 71, size=5, share=0.5), Records(10, 10, size=5, share=0.5))
BEFORE, AFTER, FPR = (0.6, 0.7, 0.9, 0.98), 0.6, 0.1
TOGETHER = 0.7
"""Correlation of the scores before and after."""
COLUMNS = ("same records", "seen", "other records", "TPR at 10 % FPR, same records")


def shift_of(auc: float) -> float:
    """By how much members' scores are higher."""
    return np.sqrt(2) * float(stats.norm.ppf(auc))


def drawn(records: Records, aucs: Sequence[float], rng: np.random.Generator) -> NDArray[np.float64]:
    """Scores before and after of the same records, and after of others, `[3, n]`."""
    labels = records.groups < records.members
    first = records.noise(rng)
    second = TOGETHER * first + np.sqrt(1 - TOGETHER**2) * records.noise(rng)
    return np.stack([first, second, records.noise(rng)]) + np.outer([shift_of(auc) for auc in aucs], labels)


def paired(records: Records, scores: NDArray[np.float64]) -> Change:
    """The change from the first row of scores to the second."""
    labels = records.groups < records.members
    return change_of(measure(scores[:2], labels, records.groups), 0, 1)


def shares(records: Records, before: float, repetitions: int, rng: np.random.Generator) -> list[float]:
    """What stands in each of `COLUMNS`."""
    labels = records.groups < records.members
    aucs = (before, AFTER, AFTER)
    tprs = [stats.norm.sf(stats.norm.isf(FPR) - shift_of(auc)) for auc in aucs]
    unchanged = [paired(records, drawn(records, (before, before, AFTER), rng)) for _ in range(50)]
    detectable = float(np.mean([change.detectable for change in unchanged]))
    found = []
    for _ in range(repetitions):
        scores = drawn(records, aucs, rng)
        other = apart(*(measure(scores[[row]], labels, records.groups) for row in (0, 2)))
        first, second = drawn_tpr(scores[:2], labels, [FPR], records.groups)[:, 0]
        fallen = paired(records, drawn(records, (before, before - detectable, AFTER), rng))
        found.append(
            [
                holds(paired(records, scores).ci, AFTER - before),
                fallen.p is not None and fallen.p <= LEVEL,
                holds(change_of(other, 0, 1).ci, AFTER - before),
                holds(Interval(*percentiles(second - first, 1 - LEVEL)), tprs[1] - tprs[0]),
            ]
        )
    return [float(np.mean(column)) for column in zip(*found, strict=True)]


def main() -> None:
    """Print a table of all cells."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repetitions", type=int, default=1000)
    given = parser.parse_args()
    print(f"| records | AUC before | {' | '.join(COLUMNS)} |")
    print("|---|---|" + "---|" * len(COLUMNS))
    for place, records in enumerate(RECORDS):
        for number, before in enumerate(BEFORE):
            rng = np.random.default_rng([place, number])
            cells = [cell(share, given.repetitions) for share in shares(records, before, given.repetitions, rng)]
            print(f"| {records} | {before} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
