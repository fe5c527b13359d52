"""A lower bound on ε from the guesses of one attack about the coins of the test split, or why there is none."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TypedDict

import numpy as np
from numpy.typing import NDArray

from lit_mia.metrics.privacy.guessing import Rule, Tossed, chosen, guessed
from lit_mia.metrics.privacy.one_run import DELTA, epsilon_found, one_run_epsilon
from lit_mia.metrics.privacy.two_rates import Called, two_rate_epsilon
from lit_mia.metrics.roc import BoolArray
from lit_mia.metrics.threshold import threshold_at_fpr
from lit_mia.records import MEMBER, Records
from lit_mia.report.forms.fields import Amount, Count, Share
from lit_mia.report.membership.scores import Scores
from lit_mia.splits import Splits

CHOOSING, FREEZING, GUESSED = "val", "calibration", "test"
"""The splits that choose the attack and its rule, that set its thresholds, and that are guessed about."""
FPRS = (0.1, 0.5)
"""False positive rates for which the thresholds of the two rates are frozen."""


class BoundOfTier(TypedDict):
    """The bounds for what one coin decides: records, or a canary that is inserted `copies` times.

    `records`: the most that one coin decides about. `coins`: of the test split, those among them of records that a
    target refused. `right` of `guesses`; `epsilon`: the one-run bound; `ceiling`: what it would be if every guess were
    right; `found`: the ε at which it is above 0 four times in five; `two_rates`: the bound from frozen thresholds. None
    where that cannot be said.
    """

    copies: Count
    records: Count
    coins: Count
    guesses: Count
    right: Count
    epsilon: Amount
    ceiling: Amount
    found: Amount | None
    two_rates: Amount | None


class DpBound(TypedDict):
    """Lower bounds on ε with 95 % confidence, each by itself, or the `reason` why there are none.

    `attack` guesses that the share `inside` of the coins with the highest scores fell in, and the share `outside` with
    the lowest out; it and the shares were chosen on val.
    """

    reason: str | None
    delta: Share
    attack: str | None
    inside: Share | None
    outside: Share | None
    tiers: list[BoundOfTier]


@dataclass(frozen=True)
class Coins:
    """What is known of the coins of an audit.

    Attributes:
        of: Id → the coin that decided about the record.
        copies: Id → how often a canary is inserted; 1 where it is not named.
        tested: Ids of the records of test, those that a target refused among them.
        reason: Why they bound no ε; None if they do.
    """

    of: Mapping[str, str]
    copies: Mapping[str, int]
    tested: Collection[str]
    reason: str | None


@dataclass(frozen=True, eq=False)
class _Units:
    """What single coins decide, in the order of their names; the score of a unit is the mean of its records'."""

    tossed: Tossed
    copies: NDArray[np.int64]

    def of_tier(self, copies: int) -> Tossed:
        """Those of so many copies."""
        kept = self.copies == copies
        return Tossed({name: scores[kept] for name, scores in self.tossed.scores.items()}, self.tossed.inside[kept])


@dataclass(frozen=True)
class _Plan:
    """What is fixed before the coins of test are looked at."""

    attack: str
    rule: Rule
    thresholds: Sequence[float]


def dp_bound_of(scores: Mapping[str, Scores], records: Records, splits: Splits, coins: Coins) -> DpBound:
    """Bound ε by what an attack guesses of the coins of the test split.

    Args:
        scores: Attack → score of each record, `[n]`.
        records: The records of known membership.
        splits: Their splits.
        coins: Their coins.
    """
    val, calibration, test = (
        _units(scores, records, coins, rows=splits.rows.get(name, ())) for name in (CHOOSING, FREEZING, GUESSED)
    )
    reason = coins.reason or _too_few(val.tossed, test.tossed)
    if reason:
        return {"reason": reason, "delta": DELTA, "attack": None, "inside": None, "outside": None, "tiers": []}
    plan = _plan(val.tossed, calibration.tossed)
    return {
        "reason": None,
        "delta": DELTA,
        "attack": plan.attack,
        "inside": plan.rule.inside,
        "outside": plan.rule.outside,
        "tiers": [
            _tier(copies, test.of_tier(copies), plan, _sizes(coins, copies))
            for copies in sorted({*test.copies.tolist()})
        ],
    }


def _plan(val: Tossed, calibration: Tossed) -> _Plan:
    attack, rule = chosen(val)
    out = calibration.scores[attack][~calibration.inside]
    return _Plan(attack, rule, [threshold_at_fpr(out, fpr) for fpr in FPRS] if out.size else [])


def _too_few(val: Tossed, test: Tossed) -> str | None:
    lacking = [name for name, part in ((CHOOSING, val), (GUESSED, test)) if not part.inside.size]
    return f"There are no coins in {' or '.join(lacking)}." if lacking else None


def _units(scores: Mapping[str, Scores], records: Records, coins: Coins, rows: Sequence[int]) -> _Units:
    kept = np.array([row for row in rows if records.ids[row] in coins.of], dtype=np.int64)
    names = [coins.of[records.ids[row]] for row in kept]
    _, first, unit_of = np.unique(np.array(names, dtype=np.str_), return_index=True, return_inverse=True)
    sizes = np.bincount(unit_of, minlength=len(first))
    means = {name: np.bincount(unit_of, weights=of[kept], minlength=len(first)) / sizes for name, of in scores.items()}
    inside = np.array(records.members)[kept[first]] == MEMBER
    copies = np.array([coins.copies.get(records.ids[row], 1) for row in kept[first]], dtype=np.int64)
    return _Units(Tossed(means, inside), copies)


def _sizes(coins: Coins, copies: int) -> Counter[str]:
    """Coin of a tier → its records, for the coins of test."""
    tested = {coins.of[name] for name in coins.tested if name in coins.of and coins.copies.get(name, 1) == copies}
    return Counter(coin for coin in coins.of.values() if coin in tested)


def _tier(copies: int, test: Tossed, plan: _Plan, sizes: Counter[str]) -> BoundOfTier:
    scores, coins = test.scores[plan.attack], len(sizes)
    guesses, right = guessed(scores, test.inside, plan.rule)
    return {
        "copies": copies,
        "records": max(sizes.values()),
        "coins": coins,
        "guesses": guesses,
        "right": right,
        "epsilon": one_run_epsilon(right=right, guesses=guesses, coins=coins),
        "ceiling": one_run_epsilon(right=guesses, guesses=guesses, coins=coins),
        "found": epsilon_found(guesses=guesses, coins=coins),
        "two_rates": _two_rates(scores, test.inside, plan.thresholds),
    }


def _two_rates(scores: Scores, inside: BoolArray, thresholds: Sequence[float]) -> float | None:
    members, non_members = int(inside.sum()), int((~inside).sum())
    if not (thresholds and members and non_members):
        return None
    called = [scores >= threshold for threshold in thresholds]
    return two_rate_epsilon(
        [Called(int((of & inside).sum()), members, int((of & ~inside).sum()), non_members) for of in called]
    )
