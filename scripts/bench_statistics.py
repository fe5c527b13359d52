"""How long intervals, tests and whole evaluations take as scores grow in number, and how much memory at the most.

python scripts/bench_statistics.py
"""

import resource
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from functools import cached_property
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray

from lit_mia.metrics.intervals import auc_difference, auc_estimate
from lit_mia.metrics.loss_gap import leak
from lit_mia.metrics.permutation import max_auc_null, own_tests
from lit_mia.metrics.placebo import placebo_check
from lit_mia.metrics.privacy.guessing import Tossed, chosen
from lit_mia.metrics.set_level import false_rejections, set_tests
from lit_mia.metrics.threshold import apply_threshold, balanced_accuracy, tpr_at_fpr
from lit_mia.records import Records
from lit_mia.report.membership import Listed, RowScores, ScoreTable
from lit_mia.report.membership.bounds import Coins, dp_bound_of
from lit_mia.report.membership.evaluation import evaluate
from lit_mia.report.membership.judging import Circumstances
from lit_mia.report.membership.scores import read_scores, write_roc, write_scores
from lit_mia.report.membership.sets import set_level_of
from lit_mia.report.membership.tiers import tiers_of
from lit_mia.splits import Splits, assign_splits

SIDES = (500, 5_000, 50_000, 500_000)
ATTACKS, CONTROLS, RUNS = 6, ("blind", "caption", "joint"), 3
BRIEF = 1.0
"""Seconds from which on something is timed once."""

Task = Callable[[], object]


class Scored:
    """Useless scores of `side` members and as many others, some with groups, some as an audit has them."""

    def __init__(self, side: int) -> None:
        rng = np.random.default_rng(0)
        self.n, self.labels, self.groups = 2 * side, np.repeat([1, 0], side), np.arange(2 * side) // 5
        self.scores: NDArray[np.float64] = rng.normal(size=(ATTACKS, self.n)) + 0.3 * self.labels
        self.controls: NDArray[np.float64] = rng.normal(size=(len(CONTROLS), self.n))
        heavy = np.arange(self.n) < side // 5
        self.uneven = np.where(heavy, 0, np.arange(self.n))
        self.scores[:, heavy] += 0.5

    @cached_property
    def records(self) -> Records:
        """The records."""
        ids = tuple(f"images/{row:08d}.png" for row in range(self.n))
        groups = tuple(f"group {group}" for group in self.groups)
        return Records(ids, (None,) * self.n, tuple(self.labels.tolist()), groups, lambda _: None, ("",) * self.n)

    @cached_property
    def splits(self) -> Splits:
        """All records in test, some of them in the others, which no number here minds."""
        some = tuple(range(0, self.n, 10))
        rows = {"train": some, "val": some, "calibration": some, "test": tuple(range(self.n))}
        drawn = assign_splits(self.records)
        return Splits(rows, drawn.members, drawn.seed, drawn.fractions, drawn.n_groups, drawn.digest)

    @cached_property
    def rows(self) -> list[RowScores]:
        """Six attacks that share three controls, with one seed each."""
        named = {("attack", f"A{place}", f"A{place}"): scores for place, scores in enumerate(self.scores)}
        for kind, scores in zip(CONTROLS, self.controls, strict=True):
            named |= {(kind, attack, f"{attack} {kind}"): scores for _, attack, _ in [*named][:ATTACKS]}
        return [RowScores(name, kind, attack, of[None], "heads") for (kind, attack, name), of in named.items()]

    def evaluated(self) -> object:
        """All numbers of an audit."""
        records, splits = self.records, self.splits
        found = evaluate(self.rows, records, splits, Circumstances("canary", verified=True))
        copies = {name: 1 + place % 2 for place, name in enumerate(records.ids)}
        coins = Coins(dict(zip(records.ids, records.ids, strict=True)), copies, records.ids, None)
        attacks = {name: found.combined[name] for name in (row.name for row in self.rows[:ATTACKS])}
        sets, tiers = set_level_of(found, records, splits), tiers_of(found, records, splits, copies)
        return sets, tiers, dp_bound_of(attacks, records, splits, coins)

    def filed(self) -> object:
        """The files of single records: six attacks and three controls, one seed and combined."""
        listed = Listed.of(self.records.ids, self.records.members, ["test"] * self.n)
        named = {str(place): scores for place, scores in enumerate([*self.scores, *self.controls])}
        tables = [listed.scored(of, row=name, kind="", seed=seed) for name, of in named.items() for seed in (0, -1)]
        with TemporaryDirectory() as folder:
            write_scores(ScoreTable.join(tables), Path(folder) / "scores.parquet")
            table = read_scores(Path(folder) / "scores.parquet")
            write_roc(table, Path(folder) / "roc.csv")
            return len(table)


def tasks(side: int) -> Mapping[str, Task]:
    """What is timed, with `side` members and as many others."""
    made = Scored(side)
    scores, labels, groups = made.scores, made.labels, made.groups
    first, second = scores[:2]
    families = {"attack": scores, **{kind: of[None] for kind, of in zip(CONTROLS, made.controls, strict=True)}}
    return {
        "auc_estimate": lambda: auc_estimate(first, labels),
        "auc_estimate, groups of 5": lambda: auc_estimate(first, labels, groups),
        "auc_difference, groups of 5": lambda: auc_difference(first, second, labels, groups),
        f"own_tests, {ATTACKS} attacks": lambda: own_tests(scores, labels),
        f"own_tests, {ATTACKS} attacks, groups of 5": lambda: own_tests(scores, labels, groups),
        f"own_tests, {ATTACKS} attacks, one heavy group": lambda: own_tests(scores, labels, made.uneven),
        f"max_auc_null, {len(CONTROLS)} controls": lambda: max_auc_null(made.controls, labels, groups),
        "tpr_at_fpr, groups of 5": lambda: tpr_at_fpr(first, labels, 0.1, groups),
        "apply_threshold, groups of 5": lambda: apply_threshold(1.0, 0.1, first, labels, groups=groups),
        "balanced_accuracy, groups of 5": lambda: balanced_accuracy(first, labels, 0.0, groups),
        f"leak of {ATTACKS} losses, groups of 5": lambda: leak(-scores.T, labels, groups),
        "placebo_check, groups of 5": lambda: placebo_check(first, second, groups),
        "set_tests, groups of 5": lambda: set_tests(families, labels, groups, undirected=CONTROLS),
        "false_rejections, groups of 5": lambda: false_rejections(scores, labels, groups),
        f"chosen guesses, {ATTACKS} attacks": lambda: chosen(
            Tossed({str(place): of for place, of in enumerate(scores)}, labels == 1)
        ),
        "all numbers of an audit": made.evaluated,
        "its files of single records": made.filed,
    }


def measured(name: str, side: int) -> tuple[float, int]:
    """Seconds of a task, and MB that its process took at the most, data and libraries among them."""
    seconds = _timed(tasks(side)[name])
    return seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def main() -> None:
    """Print a table of all tasks at all sizes; each has a process of its own."""
    print("| | " + " | ".join(f"{side:,} + {side:,}" for side in SIDES) + " | memory |")
    print("|---|" + "---|" * (len(SIDES) + 1))
    with ProcessPoolExecutor(1, get_context("spawn"), max_tasks_per_child=1) as processes:
        for name in tasks(10):
            found = list(processes.map(measured, [name] * len(SIDES), SIDES))
            cells = [f"{seconds:.3g} s" for seconds, _ in found]
            print(f"| {name} | {' | '.join(cells)} | {found[-1][1]:,} MB |", flush=True)


def _timed(task: Task) -> float:
    runs: list[float] = []
    while len(runs) <= RUNS and max(runs, default=0.0) < BRIEF:  # the first imports what is imported only when used
        start = time.perf_counter()
        task()
        runs.append(time.perf_counter() - start)
    return min(runs)


if __name__ == "__main__":
    main()
