"""How often tests at 5 % call useless scores significant, and how often KID's test does so where distances are equal.

Six scores share half of their variance; in groups, 70 % of it belongs to the group. A cell is the share of repetitions,
with its 95 % Clopper-Pearson interval.

    python scripts/check_nulls.py --repetitions 1000
"""

import argparse
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from lit_mia.metrics.auc import auc
from lit_mia.metrics.kernel_test import generated_p
from lit_mia.metrics.permutation import max_auc_null, own_tests
from lit_mia.metrics.rates import clopper_pearson

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
SCORES, OF_GROUP, DRAWS, LEVEL = 6, 0.7, 999, 0.05
TESTS = ("one score, above", "one score, two-sided", "any of six, step-down", "largest of six above its null's 95 %")


def pure(members: list[int], nonmembers: list[int]) -> Callable[[np.random.Generator], tuple[Ints, Ints]]:
    """Labels and groups of these sizes, each of one label."""
    sizes = members + nonmembers
    groups = np.repeat(np.arange(len(sizes)), sizes)
    return lambda _: ((groups < len(members)).astype(np.int64), groups)


def mixed(count: int, size: int) -> Callable[[np.random.Generator], tuple[Ints, Ints]]:
    """Labels and groups; the share of members of each group is drawn from Beta(0.3, 0.3)."""
    groups = np.repeat(np.arange(count), size)

    def draw(rng: np.random.Generator) -> tuple[Ints, Ints]:
        return (rng.random(len(groups)) < rng.beta(0.3, 0.3, size=count)[groups]).astype(np.int64), groups

    return draw


UNEVEN = [1, 1, 1, 2, 2, 3, 5, 8, 13, 20]
RECORDS = {
    "20 + 30 records": pure([1] * 20, [1] * 30),
    "181 + 356 records": pure([1] * 181, [1] * 356),
    "8 + 8 groups of 5": pure([5] * 8, [5] * 8),
    "36 + 71 groups of 5": pure([5] * 36, [5] * 71),
    "12 groups of 20 + 200 records": pure([20] * 12, [1] * 200),
    "200 records + 12 groups of 20": pure([1] * 200, [20] * 12),
    "60 records + 60 groups of 5": pure([1] * 60, [5] * 60),
    "20 groups of 1 to 20 + 20 of 4": pure(UNEVEN * 2, [4] * 20),
    "50 groups of 1 to 20 + 200 records": pure(UNEVEN * 5, [1] * 200),
    "20 mixed groups of 10": mixed(20, 10),
    "40 mixed groups of 10": mixed(40, 10),
    "200 mixed groups of 5": mixed(200, 5),
}
SPREADS = {
    "60 + 120, 8 dimensions, spread 1 and 1, distance 0": (60, 120, 8, (1.0, 1.0), (0.0, 0.0)),
    "60 + 120, 8 dimensions, spread 1 and 2, distance 0": (60, 120, 8, (1.0, 2.0), (0.0, 0.0)),
    "60 + 120, 8 dimensions, spread 2 and 1, distance 0": (60, 120, 8, (2.0, 1.0), (0.0, 0.0)),
    "80 + 80, 2 dimensions, spread 1 and 1.5, distance 0": (80, 80, 2, (1.0, 1.5), (0.0, 0.0)),
    "80 + 80, 64 dimensions, spread 1 and 1.5, distance 0": (80, 80, 64, (1.0, 1.5), (0.0, 0.0)),
    "60 + 120, 8 dimensions, spread 1 and 1, shifts 0.8 and 0.8": (60, 120, 8, (1.0, 1.0), (0.8, 0.8)),
    "power: 60 + 120, 8 dimensions, spread 1 and 1, shifts 0.8 and 0.3": (60, 120, 8, (1.0, 1.0), (0.8, 0.3)),
    "power: 60 + 120, 8 dimensions, spread 1 and 1, shifts 1.2 and 0": (60, 120, 8, (1.0, 1.0), (1.2, 0.0)),
}
"""Name → members, non-members, dimensions, and of both sides the spread and the shift of the generated images."""


def own_significant(labels: Ints, groups: Ints, seed: int, rng: np.random.Generator) -> list[bool]:
    """Which of `TESTS` are significant for useless scores."""
    scores = np.sqrt(OF_GROUP) * _noise(groups.max() + 1, rng)[:, groups]
    scores += np.sqrt(1 - OF_GROUP) * _noise(len(groups), rng)
    found = own_tests(scores, labels, groups, draws=DRAWS, seed=seed)
    null = max_auc_null(scores, labels, groups, draws=DRAWS, seed=seed)
    largest = max(auc(row, labels) for row in scores)
    p = found.above[0], found.two_sided[0], found.adjusted.min()
    return [*(bool(value <= LEVEL) for value in p), bool(largest > np.quantile(null, 1 - LEVEL))]


def main(arguments: Sequence[str] | None = None) -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repetitions", type=int, default=1000)
    n = parser.parse_args(arguments).repetitions
    print(f"| records | {' | '.join(TESTS)} |\n|---|" + "---|" * len(TESTS))
    for name, draw in RECORDS.items():
        rng = np.random.default_rng(0)
        found = [own_significant(*draw(rng), seed, rng) for seed in range(n)]
        print(f"| {name} | {' | '.join(_cell(sum(column), n) for column in zip(*found, strict=True))} |", flush=True)
    print("\n| images | p of equal distances is at most 0.05 |\n|---|---|")
    for name, (members, nonmembers, dimensions, spread, shift) in SPREADS.items():
        rng, labels = np.random.default_rng(0), np.repeat([1, 0], [members, nonmembers])
        scale, moved = (np.repeat(sides, [members, nonmembers]) for sides in (spread, shift))
        significant = 0
        for _ in range(n):
            real, generated = (scale[:, None] * rng.normal(size=(len(labels), dimensions)) for _ in range(2))
            generated[:, 0] += moved
            significant += (generated_p(real, generated, labels, np.arange(len(labels)), 199) or 0) <= LEVEL
        print(f"| {name} | {_cell(significant, n)} |", flush=True)


def _noise(n: int, rng: np.random.Generator) -> Floats:
    """Six scores that share half of their variance, `[6, n]`."""
    noise: Floats = np.sqrt(0.5) * (rng.normal(size=n) + rng.normal(size=(SCORES, n)))
    return noise


def _cell(k: int, n: int) -> str:
    lo, hi = clopper_pearson(k, n)
    return f"{100 * k / n:.1f} [{100 * lo:.1f}, {100 * hi:.1f}]"


if __name__ == "__main__":
    main()
