"""How often the set-level test rejects where nothing was learned, and where something was.

    python scripts/simulate_sets.py --repetitions 1000

Scores are drawn, not measured, and go through the project's own test. Prints two Markdown tables; docs/simulations.md
holds them. Ten attacks of normal scores share half of their variance; in groups, 70 % of it belongs to the group. A cell
is the share of repetitions that reject at 1 %, with its 95 % Clopper-Pearson interval.
"""

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from lit_mia.metrics.rates import clopper_pearson
from lit_mia.metrics.set_level import LEVEL, SIZES, Sides, false_rejections, set_test, sides_of, split_half_p

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
ATTACKS, SHARED, OF_GROUP, HALVINGS = 10, 0.5, 0.7, 50
FORMS = ("one halving", "twice the median", "Cauchy")


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


def records(name: str, n1: int, n0: int, sizes: tuple[int, int] = (1, 1), **rest: object) -> World:
    """A world of groups that hold one side, of `sizes` records each."""
    counts = np.repeat(sizes, (n1, n0))
    groups = np.repeat(np.arange(n1 + n0), counts)
    return World(name, (groups < n1).astype(np.int64), groups, **rest)  # type: ignore[arg-type]


def mixed(name: str, count: int, size: int) -> World:
    """A world of groups that hold both sides."""
    groups = np.repeat(np.arange(count), size)
    return World(name, (np.arange(count * size) % 3 == 0).astype(np.int64), groups)


NULLS = (
    records("181 + 356 records", 181, 356),
    records("20 + 30 records", 20, 30),
    records("10 + 356 records", 10, 356),
    records("181 + 356 records, one attack", 181, 356, aucs=(0.5,)),
    records("181 + 356 records, skewed scores", 181, 356, shape=lambda scores: np.exp(3 * scores)),
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
    records(f"{name}, {n1} + {n0}", n1, n0, aucs=aucs)
    for name, aucs in {
        "all ten at .55": (0.55,) * 10,
        "all ten at .6": (0.6,) * 10,
        "one of ten at .6": (0.6, *(0.5,) * 9),
        "one of ten at .7": (0.7, *(0.5,) * 9),
        ".5 to .68": tuple(np.linspace(0.5, 0.68, 10)),
    }.items()
    for n1, n0 in ((181, 356), (500, 500))
)


def forms(sides: Sides, rng: np.random.Generator) -> list[float]:
    """One p for all suspected groups by each of `FORMS`."""
    suspected, known = (rng.permuted(np.tile(side, (HALVINGS, 1)), axis=1) for side in sides[1:])
    p = split_half_p(sides.scores, suspected, known)
    cauchy = np.tan((0.5 - np.minimum(p, 0.99)) * np.pi).mean()
    return [float(p[0]), min(1.0, 2 * float(np.median(p))), float(0.5 - np.arctan(cauchy) / np.pi)]


def rejected(world: World, repetitions: int) -> Floats:
    """Share of repetitions in which each form rejects."""
    rng = np.random.default_rng(0)
    p = [forms(sides_of(world.scores(rng), world.labels, world.groups), rng) for _ in range(repetitions)]
    share: Floats = np.mean(np.array(p) < LEVEL, axis=0)
    return share


def cell(share: float, n: int) -> str:
    """A share with its interval."""
    lo, hi = clopper_pearson(round(share * n), n)
    return f"{share:.1%} [{lo:.1%}, {hi:.1%}]"


def main(arguments: Sequence[str] | None = None) -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repetitions", type=int, default=1000)
    n = parser.parse_args(arguments).repetitions
    print(f"| all suspected records | {' | '.join(FORMS)} |\n|:--|" + "--:|" * len(FORMS))
    for world in NULLS + LEAKS:
        print(f"| {world.name} | {' | '.join(cell(share, n) for share in rejected(world, n))} |", flush=True)


if __name__ == "__main__":
    main()
