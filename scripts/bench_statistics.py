"""How long intervals and tests take as scores grow in number: seconds, and how many times the smallest size's.

python scripts/bench_statistics.py
"""

import time
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from lit_mia.metrics.intervals import auc_difference, auc_estimate
from lit_mia.metrics.permutation import max_auc_null, own_tests
from lit_mia.metrics.threshold import apply_threshold, tpr_at_fpr

SIDES = (500, 5_000, 50_000, 500_000)
ATTACKS, RUNS = 6, 3


def tasks(side: int) -> dict[str, Callable[[], object]]:
    """What is timed, with `side` members and as many others."""
    rng = np.random.default_rng(0)
    labels, groups = np.repeat([1, 0], side), np.arange(2 * side) // 5
    scores: NDArray[np.float64] = rng.normal(size=(ATTACKS, 2 * side)) + 0.3 * labels
    first, second = scores[:2]
    return {
        "auc_estimate": lambda: auc_estimate(first, labels),
        "auc_estimate, groups of 5": lambda: auc_estimate(first, labels, groups),
        "auc_difference, groups of 5": lambda: auc_difference(first, second, labels, groups),
        f"own_tests, {ATTACKS} attacks": lambda: own_tests(scores, labels),
        f"own_tests, {ATTACKS} attacks, groups of 5": lambda: own_tests(scores, labels, groups),
        f"max_auc_null, {ATTACKS} controls": lambda: max_auc_null(scores, labels, groups),
        "tpr_at_fpr, groups of 5": lambda: tpr_at_fpr(first, labels, 0.1, groups),
        "apply_threshold, groups of 5": lambda: apply_threshold(1.0, 0.1, first, labels, groups=groups),
    }


def main() -> None:
    """Print a table of all tasks at all sizes."""
    seconds = {side: {name: _timed(task) for name, task in tasks(side).items()} for side in SIDES}
    print("| | " + " | ".join(f"{side:,} + {side:,}" for side in SIDES) + " |")
    print("|---|" + "---|" * len(SIDES))
    for name, least in seconds[SIDES[0]].items():
        cells = [f"{seconds[side][name]:.3g} s ({seconds[side][name] / least:.0f}×)" for side in SIDES]
        print(f"| {name} | {' | '.join(cells)} |")


def _timed(task: Callable[[], object]) -> float:
    task()  # what is imported only when it is used
    runs = []
    for _ in range(RUNS):
        start = time.perf_counter()
        task()
        runs.append(time.perf_counter() - start)
    return min(runs)


if __name__ == "__main__":
    main()
