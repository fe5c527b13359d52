"""What calibration by the base finds, and where it is wrong: `python scripts/simulate_calibration.py`.

Statistics of a target and its base are drawn, not measured, for records of the sizes of a real audit, and go through
the project's own calibrations and its own test of an AUC against 0.5. Prints Markdown tables; docs/simulations.md holds
them.

A record has a difficulty in each of 10 columns, of variance 1, four fifths of which the columns share. The base's
statistic is the difficulty plus noise; the target's is a slope times the difficulty, plus noise that all its columns
share, plus what a member gains. A column is the mean of 20 components with noise of their own, which the sign vote
counts.
"""

import argparse
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from shares import share

from lit_mia.attacks.calibration import BaseDifference, BaseJoint, BaseRegression, BaseSignVote, Learning
from lit_mia.attacks.calibration.joint import learned_head
from lit_mia.attacks.statistics import Loss
from lit_mia.metrics.auc import auc
from lit_mia.metrics.permutation import own_tests

Floats = NDArray[np.float64]
SIZES = {"train": (210, 326), "val": (50, 85), "test": (181, 356)}
"""Members and non-members."""
LOSS, SIMA = tuple(np.linspace(0.3, 0.6, 5)), tuple(np.linspace(0.05, 0.27, 5))
"""Slopes that fine-tunes were measured to have, one for each timestep."""
SHARED, COMPONENTS = 0.8, 20
OF_COMPONENT, OF_RECORD = 0.7, 0.15
"""Standard deviations of the noise of a component, and of the noise that all of a target's columns share."""
FORMS = (BaseDifference, BaseRegression, BaseJoint, BaseSignVote)
LEVEL = 0.05


@dataclass(frozen=True)
class World:
    """A target and its base whose statistics are known.

    Attributes:
        name: What it is.
        slopes: How much of the base's difficulty each column of the target keeps.
        leak: What a member gains on average over the columns; the columns differ by a factor of up to 3.
        domain: What every record of the members' domain gains, whether it was learned from or not.
    """

    name: str
    slopes: tuple[float, ...] = LOSS + SIMA
    leak: float = 0.0
    domain: float = 0.0


@dataclass(frozen=True, eq=False)
class Drawn:
    """Statistics of one data set, `[n, columns, components]`, what is learned from, and the labels of test.

    Attributes:
        target: The target's.
        placebo: Those of the same base, fine-tuned on other records of the members' domain.
        base: The base's.
        learning: Labels, train and val.
        test: Rows of test.
    """

    target: Floats
    placebo: Floats
    base: Floats
    learning: Learning
    test: range

    def scores(self, of_placebo: bool = False) -> dict[str, Floats]:
        """By every form, the best plain column, and the head on the base alone, `[n]` each."""
        known, labels = self.learning.known, self.learning.labels
        target, columns = self.placebo if of_placebo else self.target, self.base.mean(axis=2)
        aucs = [auc(column[known], labels[known]) for column in target.mean(axis=2).T]
        made = {"best plain statistic": target.mean(axis=2)[:, int(np.argmax(aucs))]}
        for form in FORMS:
            read = (target, self.base) if form.reads_components else (target.mean(axis=2), columns)
            own, other = (values.reshape(len(values), -1) for values in read)
            names = [str(column) for column in range(own.shape[1])]
            made[form.form] = form([Loss()]).calibrate(own, other, names, self.learning).scores
        return made | {"head on the base alone": learned_head(columns, self.learning)[0]}

    def squared_residual(self, rows: NDArray[np.int64]) -> Floats:
        """The forbidden form: the mean square of what slopes fitted on `rows` leave of the target's columns, `[n]`."""
        features = np.column_stack([np.ones(len(self.base)), self.base.mean(axis=2)])
        target = self.target.mean(axis=2)
        residuals = target - features @ np.linalg.lstsq(features[rows], target[rows], rcond=None)[0]
        squares: Floats = np.square(residuals / residuals[rows].std(axis=0)).mean(axis=1)
        return squares

    def tested(self, scores: Floats) -> tuple[float, float]:
        """AUC on test and one-sided p of its own test."""
        rows, labels = list(self.test), self.learning.labels[self.test]
        return auc(scores[rows], labels), float(own_tests(scores[None, rows], labels, draws=1).above[0])


def drawn(world: World, rng: np.random.Generator) -> Drawn:
    """One data set."""
    labels = np.concatenate([rng.permutation(np.repeat([1, 0], sizes)) for sizes in SIZES.values()])
    ends = np.cumsum([sum(sizes) for sizes in SIZES.values()])
    n, m = len(labels), len(world.slopes)
    hard = np.sqrt(SHARED) * rng.normal(size=(n, 1)) + np.sqrt(1 - SHARED) * rng.normal(size=(n, m))
    gained = world.leak * np.linspace(0.5, 1.5, m) * labels[:, None]
    of_domain = world.domain * labels[:, None]

    def noisy(columns: Floats, shared: float) -> Floats:
        columns = columns + shared * rng.normal(size=(n, 1))
        return columns[..., None] + OF_COMPONENT * rng.normal(size=(n, m, COMPONENTS))

    return Drawn(
        target=noisy(np.array(world.slopes) * hard + gained + of_domain, OF_RECORD),
        placebo=noisy(np.array(world.slopes) * hard + of_domain, OF_RECORD),
        base=noisy(hard, 0.0),
        learning=Learning(labels, range(ends[0]), range(ends[0], ends[1])),
        test=range(ends[1], ends[2]),
    )


@dataclass(frozen=True)
class Found:
    """What one way of scoring gave over many data sets.

    Attributes:
        auc: Its mean AUC on test.
        found: How often its own test was significant.
        of: Of how many data sets.
    """

    auc: float
    found: int
    of: int

    @property
    def rate(self) -> str:
        """Share of data sets with its 95 % interval."""
        return share(self.found, self.of)


def simulated(world: World, datasets: int, seed: int, of_placebo: bool = False) -> dict[str, Found]:
    """What every form finds in a world."""
    rng = np.random.default_rng(seed)
    tested: dict[str, list[tuple[float, float]]] = {}
    for _ in range(datasets):
        one = drawn(world, rng)
        for name, scores in one.scores(of_placebo).items():
            tested.setdefault(name, []).append(one.tested(scores))
    return {name: _found(results) for name, results in tested.items()}


def squared(datasets: int, seed: int) -> dict[str, Found]:
    """The squared residual where nothing leaks, fitted on non-members of test and of train."""
    rng = np.random.default_rng(seed)
    tested: dict[str, list[tuple[float, float]]] = {}
    for _ in range(datasets):
        one = drawn(NOTHING, rng)
        for split, rows in (("test", one.test), ("train", one.learning.train)):
            fitted = np.array([row for row in rows if one.learning.labels[row] == 0])
            name = f"squared residual, slopes fitted on non-members of {split}"
            tested.setdefault(name, []).append(one.tested(one.squared_residual(fitted)))
    return {name: _found(results) for name, results in tested.items()}


def _found(results: list[tuple[float, float]]) -> Found:
    aucs, p = np.array(results).T
    return Found(float(aucs.mean()), int(np.sum(p < LEVEL)), len(p))


NOTHING = World("nothing leaks")
DOMAIN = World("a domain learned, nothing memorised", domain=0.3)
LEAKS = tuple(
    World(f"{name}, a leak of {leak:g}", slopes, leak)
    for name, slopes in (("slopes .3 to .6", LOSS), ("slopes .05 to .27", SIMA), ("both", LOSS + SIMA))
    for leak in (0.05, 0.1, 0.2)
)


def lines(datasets: int, seed: int) -> Iterator[str]:
    """The tables, line by line."""
    yield from ("| nothing leaks, members by a coin | mean AUC | called significant at 5 % |", "|:--|--:|--:|")
    for name, one in (simulated(NOTHING, datasets, seed) | squared(datasets, seed)).items():
        yield f"| {name} | {one.auc:.3f} | {one.rate} |"
    yield from ("", "| a domain learned, nothing memorised | mean AUC | significant | AUC of the placebo |")
    yield "|:--|--:|--:|--:|"
    fewer = max(1, datasets // 5)
    placebo = simulated(DOMAIN, fewer, seed, of_placebo=True)
    for name, one in simulated(DOMAIN, fewer, seed).items():
        yield f"| {name} | {one.auc:.3f} | {one.rate} | {placebo[name].auc:.3f} |"
    names = ["best plain statistic", *(form.form for form in FORMS), "head on the base alone"]
    yield from ("", f"| world | {' | '.join(names)} |", f"|:--|{'--:|' * len(names)}")
    for world in LEAKS:
        found = simulated(world, fewer, seed)
        cells = (f"{found[name].auc:.3f} ({found[name].found / fewer:.0%})" for name in names)
        yield f"| {world.name} | {' | '.join(cells)} |"


def main() -> None:
    """Print all tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--datasets", type=int, default=1000, help="Of the first table; the others take a fifth.")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    for line in lines(given.datasets, given.seed):
        print(line, flush=True)


if __name__ == "__main__":
    main()
