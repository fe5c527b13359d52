"""How often bounds on ε are too high, and what they find: `python scripts/simulate_bounds.py`.

Scores are drawn, not measured: fair coins of val and calibration choose the attack, its rule and its thresholds, and
those of test are guessed, all by the code of the report. Prints Markdown tables, which docs/simulations.md holds.
"""

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.special import expit
from shares import share

from lit_mia.metrics.privacy.guessing import RULES, guessed
from lit_mia.metrics.privacy.one_run import epsilon_found, one_run_epsilon
from lit_mia.records import Records
from lit_mia.report.membership.bounds import BoundOfTier, Coins, dp_bound_of
from lit_mia.splits import SPLITS, Splits

FRACTIONS = (0.0, 0.25, 0.25, 1.0)
"""Coins of each split, of those of test: half as many choose as are guessed."""


@dataclass(frozen=True)
class World:
    """A training whose ε is known, or not.

    Attributes:
        name: What it is.
        kind: `response`: each coin's answer is right as often as `epsilon` allows; `shift`: normal scores, those of
            coins that are in higher by `strength`; `few`: likewise, but only in one of ten.
        strength: Of each attack.
        epsilon: The true ε for δ = 0; None where there is none.
    """

    name: str
    kind: Literal["response", "shift", "few"]
    strength: tuple[float, ...]
    epsilon: float | None = None

    def scores(self, inside: np.ndarray, rng: np.random.Generator) -> Iterator[np.ndarray]:
        """The scores of each attack."""
        for strength in self.strength:
            noise = rng.random(inside.size) if self.kind == "response" else rng.normal(size=inside.size)
            if self.kind == "response":
                signal = inside ^ (rng.random(inside.size) > expit(strength))
            else:
                signal = strength * (inside & (rng.random(inside.size) < (0.1 if self.kind == "few" else 1.0)))
            yield signal + noise


WORLDS = (
    World("nothing, one attack", "shift", (0.0,), 0.0),
    World("nothing, six attacks", "shift", (0.0,) * 6, 0.0),
    *(World(f"randomised response, ε = {epsilon:g}", "response", (epsilon,), epsilon) for epsilon in (0.25, 0.5, 1, 2)),
    World("all learned alike, d' = 0.4 in one of six", "shift", (0.4, 0.0, 0.0, 0.0, 0.0, 0.0)),
    World("all learned alike, d' = 1 in one of six", "shift", (1.0, 0.0, 0.0, 0.0, 0.0, 0.0)),
    World("one in ten learned by heart, one of six", "few", (4.0, 0.0, 0.0, 0.0, 0.0, 0.0)),
)


def bound(world: World, coins: int, rng: np.random.Generator) -> BoundOfTier:
    """The bounds of one audit with so many coins in test."""
    sizes = [round(coins * fraction) for fraction in FRACTIONS]
    inside = rng.random(sum(sizes)) < 0.5
    ids = tuple(f"{row:06d}" for row in range(inside.size))
    ends = np.cumsum([0, *sizes])
    rows = {name: tuple(range(ends[i], ends[i + 1])) for i, name in enumerate(SPLITS)}
    splits = Splits(rows, dict.fromkeys(SPLITS, 0), 0, (0.25,) * 4, n_groups=inside.size, digest="")
    records = Records(ids, (None,) * len(ids), tuple(inside.astype(int).tolist()), ids, _no_image, stamps=ids)
    scores = {f"a{i}": of for i, of in enumerate(world.scores(inside, rng))}
    drawn = Coins({name: name for name in ids}, {}, [ids[row] for row in rows["test"]], None)
    return dp_bound_of(scores, records, splits, drawn)["tiers"][0]


def main() -> None:
    """Simulate every world at every size."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--repetitions", type=int, default=1000)
    parser.add_argument("--coins", type=int, nargs="+", default=[80, 400, 2000])
    given = parser.parse_args()
    print("| world | coins of test | one run: ε > 0 | above the true ε | mean | two rates: ε > 0 | above | mean |")
    print("|:--|--:|--:|--:|--:|--:|--:|--:|")
    for world in WORLDS:
        for coins in given.coins:
            rng = np.random.default_rng(0)
            found = [bound(world, coins, rng) for _ in range(given.repetitions)]
            forms = [np.array([float(of[form] or 0.0) for of in found]) for form in ("epsilon", "two_rates")]
            cells = [cell for bounds in forms for cell in _cells(bounds, world.epsilon)]
            print(f"| {world.name} | {coins} | {' | '.join(cells)} |", flush=True)
    print("\nRandomised responses of the ε that reports print as found four times in five:\n")
    print("| coins of test | guesses | printed ε | one run: ε > 0 |")
    print("|--:|--:|--:|--:|")
    for coins in given.coins:
        rng, guesses = np.random.default_rng(0), sum(RULES[0].counts(coins))
        epsilon = epsilon_found(guesses=guesses, coins=coins)
        assert epsilon is not None  # from five guesses on
        shown = [_is_shown(World("", "response", (epsilon,)), coins, rng) for _ in range(given.repetitions)]
        print(f"| {coins} | {guesses} | {epsilon:.3f} | {_share(shown)} |")


def _is_shown(world: World, coins: int, rng: np.random.Generator) -> bool:
    """Whether guesses of the highest and the lowest quarter have a bound."""
    inside = rng.random(coins) < 0.5
    made, right = guessed(next(world.scores(inside, rng)), inside, RULES[0])
    return one_run_epsilon(right=right, guesses=made, coins=coins) > 0


def _cells(bounds: np.ndarray, epsilon: float | None) -> list[str]:
    above = "" if epsilon is None else _share(bounds > epsilon)
    return [f"{np.mean(bounds > 0):.1%}", above, f"{np.mean(bounds):.2f}"]


def _share(found: object) -> str:
    held = np.asarray(found)
    return share(int(held.sum()), held.size)


def _no_image(row: int) -> None:
    raise OSError(row)


if __name__ == "__main__":
    main()
