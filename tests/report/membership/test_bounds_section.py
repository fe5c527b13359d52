"""The lower bound on ε in a report: whose coins it counts, what it says, and why there may be none."""

import json
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import binom
from simulated_results import changed, printed, simulated

from datamodules.sources.base import StatedDesign
from lit_mia.metrics.privacy.one_run import one_run_epsilon
from lit_mia.records import Records
from lit_mia.report.membership.bounds import Coins, dp_bound_of
from lit_mia.report.membership.schema import AuditReport
from lit_mia.splits import SPLITS, Splits

EACH, PER_COIN = 120, 2  # coins of each split, records of each coin
N = len(SPLITS) * EACH * PER_COIN
RNG = np.random.default_rng(0)
INSIDE = np.repeat(RNG.random(N // PER_COIN) < 0.5, PER_COIN)
IDS = tuple(f"r{row:04d}" for row in range(N))
COINS = {name: f"coin {row // PER_COIN:04d}" for row, name in enumerate(IDS)}
ROWS = {name: tuple(range(i * N // 4, (i + 1) * N // 4)) for i, name in enumerate(SPLITS)}
TESTED = [IDS[row] for row in ROWS["test"]]
DRAWN = Coins(COINS, {}, TESTED, None)
SPLIT = Splits(ROWS, dict.fromkeys(SPLITS, EACH), seed=0, fractions=(0.25,) * 4, n_groups=N, digest="d" * 64)
NOISE = RNG.normal(size=N)
VERIFIED = StatedDesign("randomized_split", (), True, coins=COINS, include=0.5)


def _no_image(row):
    raise OSError(row)


def bound_of(scores, coins=DRAWN, splits=SPLIT):
    records = Records(IDS, (None,) * N, tuple(INSIDE.astype(int).tolist()), IDS, _no_image, stamps=IDS)
    return dp_bound_of(scores, records, splits, coins)


def in_halves(copies):
    """Every other coin is of a canary of so many copies."""
    return {name: copies if int(COINS[name][-4:]) % 2 else 1 for name in IDS}


def test_a_coin_is_the_unit_and_its_score_the_mean():
    swing = np.tile([50.0, -50.0], N // 2)  # of the two records of a coin, which leaves their mean alone
    bound = bound_of({"noise": NOISE, "PIA": INSIDE * 5.0 + NOISE + swing})
    (tier,) = bound["tiers"]
    assert (bound["attack"], bound["inside"], bound["outside"], bound["reason"]) == ("PIA", 0.25, 0.25, None)
    assert (tier["copies"], tier["records"], tier["coins"], tier["guesses"]) == (1, PER_COIN, EACH, EACH // 2)
    assert tier["right"] >= tier["guesses"] - 2
    assert tier["epsilon"] == one_run_epsilon(right=tier["right"], guesses=60, coins=120)
    assert tier["ceiling"] == one_run_epsilon(right=60, guesses=60, coins=120) >= tier["epsilon"] > 2
    assert tier["two_rates"] > 1


def test_the_test_split_chooses_nothing():
    test = np.isin(np.arange(N), ROWS["test"])
    bound = bound_of({"trained": np.where(test, NOISE, INSIDE * 5.0), "lucky": np.where(test, INSIDE * 5.0, NOISE)})
    assert bound["attack"] == "trained"
    assert bound["tiers"][0]["epsilon"] == bound["tiers"][0]["two_rates"] == 0.0


def test_nothing_to_guess_has_no_bound():
    above = 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        above += bound_of({name: rng.normal(size=N) for name in "abc"})["tiers"][0]["epsilon"] > 0
    assert above <= 16
    assert binom(200, 0.05).sf(16) < 0.05


def test_tiers_are_told_apart_and_controls_are_no_coins():
    never = {IDS[row] for row in range(0, N, 8)}
    coins = Coins({name: coin for name, coin in COINS.items() if name not in never}, in_halves(4), TESTED, None)
    often = np.array([int(COINS[name][-4:]) % 2 for name in IDS])
    once, copied = bound_of({"PIA": NOISE + 5.0 * INSIDE * often}, coins)["tiers"]
    assert (once["copies"], copied["copies"]) == (1, 4)
    assert once["epsilon"] == 0.0 < copied["epsilon"]
    assert once["coins"] + copied["coins"] == EACH


def test_coins_whose_records_were_refused_count_where_nothing_is_guessed():
    rows = {**ROWS, "test": ROWS["test"][:100]}
    (tier,) = bound_of({"PIA": INSIDE * 5.0 + NOISE}, splits=replace(SPLIT, rows=rows))["tiers"]
    assert (tier["coins"], tier["guesses"]) == (EACH, 24)  # of 50 that are left


@pytest.mark.parametrize("lacking", ["test", "val"])
def test_without_coins_there_is_a_reason(lacking):
    gone = {IDS[row] for row in ROWS[lacking]}
    coins = replace(DRAWN, of={name: coin for name, coin in COINS.items() if name not in gone})
    assert bound_of({"PIA": NOISE}, coins)["reason"] == f"There are no coins in {lacking}."


def test_one_sided_coins_have_no_rates():
    of = {name: coin for name, coin in COINS.items() if INSIDE[IDS.index(name)]}
    assert bound_of({"PIA": NOISE}, replace(DRAWN, of=of))["tiers"][0]["two_rates"] is None


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"kind": "post_hoc"}, "The design is post hoc: no coin"),
        ({"kind": "same_source_holdout"}, "The design is same source holdout: no coin"),
        ({"verified": False}, "The coin is stated, not checked"),
        ({"coins": {}}, "does not tell which coin"),
        ({"include": 0.9}, "with a probability of 0.9; the bound is for fair ones"),
    ],
)
def test_only_fair_coins_that_were_checked_bound(changes, reason):
    assert VERIFIED.unbounded is None
    assert reason in replace(VERIFIED, **changes).unbounded


def test_every_place_says_it():
    coins = replace(DRAWN, copies=in_halves(4))
    result = changed(simulated({"II-S": 0.5}), dp_bound=bound_of({"II-S": INSIDE * 5.0 + NOISE}, coins))
    page, text, shown = result.page(), result.markdown(), " ".join(printed(result, 160).split())
    assert "| **one group, up to 2 records** | 60 | " in text
    assert "| **4 copies together** | 60 | " in text
    for said in (page, text, shown):
        assert "δ = 1e-05, from one training run (Steinke, Nasr and Jagielski 2023)" in said
        assert "A small bound is not privacy." in said
        assert "guesses of the highest 25" in said
        assert "A group is one unit" in said
        assert "Several copies are a stress test" in said
    assert "What would a promise of differential privacy have to allow?" in page


def test_every_place_says_why_there_is_none():
    result = changed(simulated({"II-S": 0.5}), dp_bound=bound_of({"II-S": NOISE}, replace(DRAWN, reason="No coin.")))
    for said in (result.page(), result.markdown(), printed(result)):
        assert "Lower bound on ε: none. No coin." in said


def test_the_file_holds_it():
    result = changed(simulated({"II-S": 0.5}), dp_bound=bound_of({"II-S": INSIDE * 5.0 + NOISE}))
    numbers = json.loads(json.dumps(result.numbers()))
    assert AuditReport.from_dict(numbers).dp_bound == result.report.dp_bound
    del numbers["dp_bound"]
    old = AuditReport.from_dict(numbers)
    assert old.dp_bound is None
    assert "Lower bound" not in replace(result, report=old).markdown()
