"""Guesses about coins: which units are called in and which out, by a rule that was fixed on other coins."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from lit_mia.errors import MetricError
from lit_mia.metrics.privacy.one_run import one_run_epsilon, one_run_p
from lit_mia.metrics.roc import BoolArray, FloatArray


class Rule(NamedTuple):
    """Which share of the units is guessed in, those with the highest scores, and which out, those with the lowest.

    There is at least one guess in; about the rest none is made.
    """

    inside: float
    outside: float

    def counts(self, units: int) -> tuple[int, int]:
        """Guesses in, and out, among so many units; at least one unit."""
        return max(1, round(self.inside * units)), round(self.outside * units)


RULES = (Rule(0.25, 0.25), Rule(0.1, 0.0))
"""The first suits a target that learned of all units alike, the second one that learned a few of them by heart."""


class Guesses(NamedTuple):
    """How many guesses were made, and how many of them were right."""

    made: int
    right: int


@dataclass(frozen=True, eq=False)
class Tossed:
    """Units whose coins are known.

    Attributes:
        scores: Attack → score of each unit, `[m]`; higher means more likely in.
        inside: Whether its coin put it in, `[m]`.
    """

    scores: Mapping[str, FloatArray]
    inside: BoolArray


def guessed(scores: FloatArray, inside: BoolArray, rule: Rule) -> Guesses:
    """How many guesses are right.

    Of equal scores the first count as higher, so the order of the units must not tell their coins.

    Args:
        scores: Score of each unit, `[m]`.
        inside: Whether its coin put it in, `[m]`.
        rule: Which units are guessed about.

    Raises:
        MetricError: If there is no unit, a score is not finite, or there is not one coin for each.
    """
    values, fell_in = np.asarray(scores, dtype=np.float64), np.asarray(inside, dtype=bool)
    if not values.size or not np.isfinite(values).all() or fell_in.shape != values.shape:
        raise MetricError(
            f"Guesses need finite scores of at least one unit and its coin, but got {values.size} scores and "
            f"{fell_in.size} coins."
        )
    called_in, called_out = rule.counts(values.size)
    falling = fell_in[np.argsort(-values, kind="stable")]
    right = falling[:called_in].sum() + (~falling[values.size - called_out :]).sum()
    return Guesses(called_in + called_out, int(right))


def chosen(known: Tossed) -> tuple[str, Rule]:
    """The attack and the rule whose guesses about these units would give the largest bound on ε.

    Where several give none, the one with the smallest p of guesses that are right by chance.

    Args:
        known: Units that are not guessed about afterwards.

    Raises:
        MetricError: See `guessed`.
    """

    def worth(candidate: tuple[str, Rule]) -> tuple[float, float]:
        attack, rule = candidate
        made, right = guessed(known.scores[attack], known.inside, rule)
        coins = known.inside.size
        p = one_run_p(0.0, right=right, guesses=made, coins=coins)
        return one_run_epsilon(right=right, guesses=made, coins=coins), -p

    return max(((attack, rule) for attack in known.scores for rule in RULES), key=worth)
