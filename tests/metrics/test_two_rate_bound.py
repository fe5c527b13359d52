"""The bound on ε from two rates: Clopper and Pearson's from scipy, nulls, and randomised responses of known ε."""

import math

import numpy as np
import pytest
from scipy.special import expit
from scipy.stats import beta

from lit_mia.errors import MetricError
from lit_mia.metrics.privacy.two_rates import Called, two_rate_epsilon


def by_hand(thresholds, delta):
    tail, bounds = 0.05 / (2 * len(thresholds)), [0.0]
    for hits, members, alarms, non_members in thresholds:
        tpr = beta.ppf(tail, hits, members - hits + 1) if hits else 0.0
        fpr = beta.ppf(1 - tail, alarms + 1, non_members - alarms) if alarms < non_members else 1.0
        for above, below in ((tpr - delta, fpr), (1 - fpr - delta, 1 - tpr)):
            bounds += [math.log(above / below)] if above > 0 else []
    return max(bounds)


@pytest.mark.parametrize(
    "thresholds",
    [
        [(40, 100, 10, 100)],
        [(90, 100, 50, 100), (30, 100, 3, 100)],
        [(100, 100, 0, 90)],
        [(0, 10, 0, 10), (10, 10, 10, 10)],
        [(5, 100, 20, 100)],
    ],
)
@pytest.mark.parametrize("delta", [0.0, 1e-3])
def test_it_equals_the_formula_written_out(thresholds, delta):
    found = two_rate_epsilon([Called(*of) for of in thresholds], delta)
    assert found == pytest.approx(by_hand(thresholds, delta), rel=1e-9)


def exceeded(epsilon, rng, shared, repetitions=400, units=500):
    """Share of audits whose bound is above ε: randomised responses, read by two thresholds fixed beforehand.

    What all scores of one training share moves them all alike across the thresholds.
    """
    above = 0
    for _ in range(repetitions):
        inside = rng.random(units) < 0.5
        score = (inside ^ (rng.random(units) > expit(epsilon))) + rng.random(units) + shared * rng.normal()
        calls = [score >= threshold for threshold in (1.0, 1.5)]
        sides = [
            Called(int((of & inside).sum()), int(inside.sum()), int((of & ~inside).sum()), int((~inside).sum()))
            for of in calls
        ]
        above += two_rate_epsilon(sides) > epsilon
    return above / repetitions


@pytest.mark.parametrize(("epsilon", "shared"), [(0.0, 0.0), (1.0, 0.0), (1.0, 0.5)])
def test_it_exceeds_epsilon_in_at_most_one_audit_of_twenty(epsilon, shared):
    assert exceeded(epsilon, np.random.default_rng(0), shared) <= 0.05


def test_it_finds_a_leak():
    assert two_rate_epsilon([Called(73, 100, 27, 100)] * 2) > 0.3


def test_impossible_numbers_are_refused():
    with pytest.raises(MetricError, match="needs a threshold"):
        two_rate_epsilon([])
    with pytest.raises(MetricError, match="δ in"):
        two_rate_epsilon([Called(1, 2, 1, 2)], delta=1.0)
    with pytest.raises(MetricError, match="0 <= k <= n"):
        two_rate_epsilon([Called(3, 2, 1, 2)])
