"""Guesses about coins: counted, chosen on other coins, and no better than chance where there is nothing to guess."""

import numpy as np
import pytest

from lit_mia.errors import MetricError
from lit_mia.metrics.privacy.guessing import RULES, Rule, Tossed, chosen, guessed
from lit_mia.metrics.privacy.one_run import one_run_epsilon


def tossed(rng, units, **shifts):
    inside = rng.random(units) < 0.5
    return Tossed({name: rng.normal(size=units) + shift * inside for name, shift in shifts.items()}, inside)


def test_the_highest_are_guessed_in_and_the_lowest_out():
    scores, inside = np.array([0.3, 9.0, 5.0, -2.0, 1.0]), np.array([True, True, False, True, False])
    assert guessed(scores, inside, Rule(0.4, 0.2)) == (3, 1)  # in: 9 and 5; out: -2
    assert guessed(scores, inside, Rule(0.4, 0.4)) == (4, 1)  # out: also 0.3
    assert guessed(scores, inside, Rule(0.2, 0.0)) == (1, 1)
    assert guessed(scores[:1], inside[:1], Rule(0.1, 0.25)) == (1, 1)
    assert guessed(np.zeros(5), inside, Rule(0.4, 0.4)) == (4, 3)  # equal scores: in their order


def test_whole_numbers_and_lists_are_counted_as_what_they_mean():
    scores, inside = np.array([30, 200, 150, 0, 100], dtype=np.uint8), [1, 1, 0, 1, 0]
    right = guessed(scores.astype(float), np.array(inside) == 1, Rule(0.4, 0.4))
    assert guessed(scores, np.array(inside), Rule(0.4, 0.4)) == right
    assert guessed(scores.tolist(), inside, Rule(0.4, 0.4)) == right
    with pytest.raises(MetricError, match="5 scores and 6 coins"):
        guessed(scores, [*inside, 1], Rule(0.4, 0.4))


def test_no_unit_is_guessed_twice():
    for rule in RULES:
        for units in range(1, 60):
            made, right = guessed(np.arange(units), np.ones(units, dtype=bool), rule)
            assert made == sum(rule.counts(units)) <= units
            assert right == rule.counts(units)[0]


def test_attack_and_rule_are_those_that_other_coins_show_best():
    rng = np.random.default_rng(0)
    assert chosen(tossed(rng, 400, dull=0.0, sharp=2.0, blunt=1.0))[0] == "sharp"
    assert chosen(tossed(rng, 400, all=2.5)) == ("all", Rule(0.25, 0.25))
    few = tossed(rng, 400, few=0.0)
    few.scores["few"][np.flatnonzero(few.inside)[:40]] += 9.0  # a tenth learned by heart
    assert chosen(few) == ("few", Rule(0.1, 0.0))


def test_of_600_audits_of_nothing_few_have_a_bound():
    rng, above = np.random.default_rng(0), 0
    for _ in range(600):
        known, test = (tossed(rng, units, a=0.0, b=0.0, c=0.0) for units in (60, 160))
        attack, rule = chosen(known)
        made, right = guessed(test.scores[attack], test.inside, rule)
        above += one_run_epsilon(right=right, guesses=made, coins=160) > 0
    assert above <= 30


def test_scores_that_are_none_are_refused():
    for scores in (np.array([]), np.array([1.0, np.nan])):
        with pytest.raises(MetricError, match="finite scores of at least one unit"):
            guessed(scores, np.ones(len(scores), dtype=bool), RULES[0])
