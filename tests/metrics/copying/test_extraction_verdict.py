"""The verdict of an extraction audit: every way to it, how often it is wrong under a coin, and what it finds."""

import numpy as np
import pytest
from scipy.stats import fisher_exact

from lit_mia.metrics.copying.excess import excess_of
from lit_mia.metrics.copying.top_run import top_run
from lit_mia.metrics.copying.verdict import CopyTests, decide_extraction, fewest_found

COUNTED = CopyTests({"a": 0.001}, {"b": 0.5}, {"c": 0.9})
RANKED = CopyTests({"a": 0.5}, {"b": 0.001}, {"c": 0.9})
NONE = CopyTests({"a": 0.03}, {"b": 0.03}, {"c": 0.9})  # 0.06 by Holm
BOTH = CopyTests({"a": 0.001}, {"b": 0.5}, {"c": 0.001, "d": 1.0})
NEARLY = CopyTests({"a": 0.001}, {"b": 0.5}, {"c": 0.015, "d": 1.0})  # 0.03 by Holm


@pytest.mark.parametrize(
    ("tests", "design", "kind"),
    [
        (COUNTED, "randomized_split", "training images reproduced"),
        (COUNTED, "canary", "training images reproduced"),
        (RANKED, "randomized_split", "closer than chance, no copies"),
        (NONE, "randomized_split", "not detected under this protocol"),
        (BOTH, "randomized_split", "design violated"),
        (NEARLY, "randomized_split", "training images reproduced"),
        (COUNTED, "same_source_holdout", "suggestive (no coin)"),
        (RANKED, "same_source_holdout", "suggestive (no coin)"),
        (BOTH, "same_source_holdout", "confounded"),
        (NEARLY, "same_source_holdout", "confounded"),
        (BOTH, "post_hoc", "not evidence (post hoc design)"),
        (NONE, "post_hoc", "not detected under this protocol"),
    ],
)
def test_every_way_to_a_verdict(tests, design, kind):
    assert decide_extraction(tests, design) == kind


@pytest.mark.parametrize(("n1", "n0", "tests"), [(30, 30, 2), (100, 100, 6), (12, 40, 4), (40, 12, 4), (3, 3, 2)])
def test_the_fewest_that_are_found_are_those_of_fishers_test(n1, n0, tests):
    p = [fisher_exact([[k, n1 - k], [0, n0]], alternative="greater").pvalue * tests for k in range(1, n1 + 1)]
    assert fewest_found(n1, n0, tests) == next((k for k, each in enumerate(p, 1) if each <= 0.05), None)


def verdict_of(rng, is_member, known, groups=None, base_knows=0.0):
    """Of a copier that knows some records by heart, its base that knows a share of these, and two thresholds."""
    n = len(is_member)
    target = np.where(known, rng.normal(-0.05, 0.03, n), rng.normal(-0.3, 0.08, n))
    base = np.where(known & (rng.random(n) < base_knows), rng.normal(-0.05, 0.03, n), rng.normal(-0.3, 0.08, n))
    of = {"target": target, "base": base, "target less base": target - base}
    copies = {name: [of[name] >= cut for cut in (-0.15, -0.25)] for name in ("target", "base")}
    copies["target less base"] = [mine & ~its for mine, its in zip(copies["target"], copies["base"], strict=True)]
    counted = {
        (name, i): excess_of(of_cut, is_member, groups).p for name in of for i, of_cut in enumerate(copies[name])
    }
    ranked = {name: top_run(scores, is_member, groups).p for name, scores in of.items()}
    tests = CopyTests(
        {f"{name} {i}": p for (name, i), p in counted.items() if name != "base"},
        {name: p for name, p in ranked.items() if name != "base"},
        {**{f"{i}": p for (name, i), p in counted.items() if name == "base"}, "order": ranked["base"]},
    )
    return decide_extraction(tests, "randomized_split")


@pytest.mark.parametrize("sizes", [(1,), (1, 1, 2, 5, 20)])
def test_under_a_coin_that_decided_nothing_verdicts_are_rarely_wrong(sizes):
    """Half of all groups are known, by halves that a coin of its own decided for each group."""
    rng, verdicts = np.random.default_rng(0), []
    for _ in range(200):
        groups = np.repeat(np.arange(60), rng.choice(sizes, 60))
        coin, known = (rng.random(60)[groups] < 0.5 for _ in range(2))
        verdicts.append(verdict_of(rng, coin, known, groups, base_knows=1 / 3))
    found = sum(kind in ("training images reproduced", "closer than chance, no copies") for kind in verdicts)
    assert found <= 18  # 5 % of 200 and two standard deviations and a half
    assert verdicts.count("design violated") <= 9  # likewise of 2 %


def test_a_quarter_of_the_training_half_is_found_beside_coincidences():
    rng, is_member = np.random.default_rng(0), np.arange(200) < 100
    verdicts = [verdict_of(rng, is_member, is_member & (rng.random(200) < 0.25)) for _ in range(40)]
    assert verdicts.count("training images reproduced") >= 34
