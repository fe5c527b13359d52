"""How often the set-level test rejects where nothing was learned, and where something was.

    python scripts/simulate_sets.py --repetitions 1000

Scores are drawn, not measured, and go through the project's own test. Prints two Markdown tables; docs/simulations.md
holds them. Ten attacks of normal scores share half of their variance; in groups, 70 % of it belongs to the group. A
cell is the share of repetitions that reject at 1 %, with its 95 % Clopper-Pearson interval.
"""

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import mannwhitneyu, norm, ttest_ind
from shares import share
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.model_selection import StratifiedKFold, cross_val_predict

from lit_mia.metrics.set_level import LEVEL, set_tests

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
ATTACKS, SHARED, OF_GROUP, DRAWS, SIZE = 10, 0.5, 0.7, 999, 50


@dataclass(frozen=True)
class World:
    """Records of both sides and what attacks say of them.

    Attributes:
        name: What it is.
        labels: 1 = suspected, 0 = known not to be a member, `[n]`.
        groups: Group of each record, `[n]`.
        aucs: AUC of each attack.
        shape: What becomes of the normal scores.
    """

    name: str
    labels: Ints
    groups: Ints
    aucs: tuple[float, ...] = (0.5,) * ATTACKS
    shape: Callable[[Floats], Floats] = lambda scores: scores

    def scores(self, rng: np.random.Generator) -> Floats:
        """Scores of all attacks, `[m, n]`."""
        of_group, of_record = (self._noise(count, rng) for count in (self.groups.max() + 1, len(self.groups)))
        noise = np.sqrt(OF_GROUP) * of_group[:, self.groups] + np.sqrt(1 - OF_GROUP) * of_record
        return self.shape(noise + np.sqrt(2) * norm.ppf(self.aucs)[:, None] * self.labels)

    def _noise(self, count: int, rng: np.random.Generator) -> Floats:
        own, shared = rng.normal(size=(len(self.aucs), count)), rng.normal(size=count)
        noise: Floats = np.sqrt(SHARED) * shared + np.sqrt(1 - SHARED) * own
        return noise


def records(name: str, n1: int, n0: int, sizes: tuple[int, int] = (1, 1), **rest: Any) -> World:
    """A world of groups that hold one side, of `sizes` records each."""
    counts = np.repeat(sizes, (n1, n0))
    groups = np.repeat(np.arange(n1 + n0), counts)
    return World(name, (groups < n1).astype(np.int64), groups, **rest)


def mixed(name: str, count: int, size: int) -> World:
    """A world of groups that hold both sides."""
    groups = np.repeat(np.arange(count), size)
    return World(name, (np.arange(count * size) % 3 == 0).astype(np.int64), groups)


NULLS = (
    records("181 + 356 records", 181, 356),
    records("20 + 30 records", 20, 30),
    records("10 + 356 records", 10, 356),
    records("181 + 356 records, one attack", 181, 356, aucs=(0.5,)),
    records("181 + 356 records, skewed scores", 181, 356, shape=lambda scores: np.exp(scores)),
    records(
        "181 + 356 records, scores of five values", 181, 356, shape=lambda scores: np.clip(np.round(scores), -2, 2)
    ),
    records("36 + 71 groups of 5", 36, 71, (5, 5)),
    records("181 records + 71 groups of 5", 181, 71, (1, 5)),
    records("20 records + 71 groups of 5", 20, 71, (1, 5)),
    records("36 groups of 5 + 356 records", 36, 356, (5, 1)),
    mixed("60 groups of 9, a third of each suspected", 60, 9),
)
LEAKS = tuple(
    records(name, 181, 356, aucs=aucs)
    for name, aucs in {
        "all ten at .55": (0.55,) * 10,
        "all ten at .6": (0.6,) * 10,
        "one of ten at .6": (0.6, *(0.5,) * 9),
        "one of ten at .7": (0.7, *(0.5,) * 9),
        ".5 to .68": tuple(np.linspace(0.5, 0.68, 10)),
    }.items()
)


def split_half(scores: Floats, labels: Ints) -> float:
    """Fitted on one half, tested on the other (Mann-Whitney)."""
    first = np.arange(len(labels)) % 2 == 0
    joined = _joined().fit(scores.T[first], labels[first]).decision_function(scores.T[~first])
    return float(mannwhitneyu(*_sides(joined, labels[~first]), alternative="greater").pvalue)


def pooled_folds(scores: Floats, labels: Ints) -> float:
    """Fitted in five folds, whose scores are pooled and tested as if they were independent (Welch)."""
    joined = cross_val_predict(_joined(), scores.T, labels, cv=StratifiedKFold(5), method="decision_function")
    return float(ttest_ind(*_sides(joined, labels), equal_var=False, alternative="greater").pvalue)


def set_p(world: World, scores: Floats) -> float:
    """The p of the project, of all suspected records."""
    return set_tests({"attack": scores}, world.labels, world.groups, sizes=(), draws=DRAWS)["attack"].p


def power(world: World, repetitions: int) -> tuple[float, float]:
    """Of sets of `SIZE`: the mean share that is printed, and the share of new sets that are found."""
    rng, new = np.random.default_rng(1), records("", SIZE, int(np.sum(world.labels == 0)), aucs=world.aucs)
    shares = [
        set_tests({"attack": world.scores(rng)}, world.labels, sizes=(SIZE,), draws=DRAWS)["attack"].shares[SIZE]
        for _ in range(repetitions)
    ]
    return float(np.mean(shares)), float(np.mean([set_p(new, new.scores(rng)) <= LEVEL for _ in range(repetitions)]))


def _joined() -> LinearDiscriminantAnalysis:
    return LinearDiscriminantAnalysis(solver="lsqr", shrinkage=0.1)


def _sides(scores: Floats, labels: Ints) -> tuple[Floats, Floats]:
    return scores[labels == 1], scores[labels == 0]


def cell(p: Sequence[float]) -> str:
    """The share that is rejected, with its interval."""
    return share(int(np.sum(np.array(p) <= LEVEL)), len(p))


def main(arguments: Sequence[str] | None = None) -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repetitions", type=int, default=1000)
    n = parser.parse_args(arguments).repetitions
    print("| all suspected together | this test | one half tested | pooled folds |\n|:--|--:|--:|--:|")
    for world in (*NULLS, *LEAKS):
        rng = np.random.default_rng(0)
        drawn = [world.scores(rng) for _ in range(n)]
        cells = [cell([set_p(world, scores) for scores in drawn])]
        single = len(np.unique(world.groups)) == len(world.groups)
        cells += [cell([p(s, world.labels) for s in drawn]) if single else "" for p in (split_half, pooled_folds)]
        print(f"| {world.name} | {' | '.join(cells)} |", flush=True)
    print(f"\n| sets of {SIZE} | share that is printed | new sets found |\n|:--|--:|--:|")
    for world in LEAKS:
        printed, found = power(world, n // 2)
        print(f"| {world.name} | {printed:.1%} | {found:.1%} |", flush=True)


if __name__ == "__main__":
    main()
