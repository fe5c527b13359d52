"""The one-run bound on ε: against independent computations of the theorem, under nulls, and under planted ε."""

import math

import numpy as np
import pytest
from scipy import stats
from scipy.optimize import linprog
from scipy.special import expit

from lit_mia.errors import MetricError
from lit_mia.metrics.privacy.one_run import epsilon_found, one_run_epsilon, one_run_p


def p_by_program(epsilon, right, guesses, coins, delta):
    """P(B + F >= v) at most, over all F that are independent of B, whole, at least 0 and of mean 2 m δ at most."""
    added = np.arange(guesses + 1)
    reached = stats.binom(guesses, expit(epsilon)).sf(right - added - 1)
    found = linprog(-reached, A_ub=[added], b_ub=[2 * coins * delta], A_eq=[np.ones(guesses + 1)], b_eq=[1.0])
    return -found.fun


@pytest.mark.parametrize(("coins", "ceiling"), [(100, 3.5), (1000, 5.8), (5000, 7.4)])
def test_the_ceiling_is_in_closed_form(coins, ceiling):
    p = 0.05 ** (1 / coins)
    found = one_run_epsilon(right=coins, guesses=coins, coins=coins, delta=0.0)
    assert found == pytest.approx(math.log(p / (1 - p)), rel=1e-6)
    assert found == pytest.approx(ceiling, abs=0.05)
    assert one_run_epsilon(right=coins, guesses=coins, coins=coins) < found


@pytest.mark.parametrize("epsilon", [0.0, 0.7, 3.0])
@pytest.mark.parametrize(("right", "guesses"), [(0, 5), (3, 5), (5, 5), (61, 100), (900, 1000)])
def test_without_delta_p_is_the_binomial_test(epsilon, right, guesses):
    exact = stats.binomtest(right, guesses, expit(epsilon), alternative="greater").pvalue
    assert one_run_p(epsilon, right=right, guesses=guesses, coins=guesses, delta=0.0) == pytest.approx(exact, rel=1e-9)


@pytest.mark.parametrize("epsilon", [0.0, 0.5, 2.0])
@pytest.mark.parametrize(("right", "guesses", "coins"), [(18, 20, 30), (20, 20, 20), (33, 60, 200), (59, 60, 60)])
@pytest.mark.parametrize("delta", [1e-5, 1e-3])
def test_the_term_of_delta_is_the_worst_case(epsilon, right, guesses, coins, delta):
    p = one_run_p(epsilon, right=right, guesses=guesses, coins=coins, delta=delta)
    assert p == pytest.approx(p_by_program(epsilon, right, guesses, coins, delta), rel=1e-6)


def test_the_bound_solves_for_epsilon():
    for delta in (0.0, 1e-4):
        bound = one_run_epsilon(right=80, guesses=100, coins=300, delta=delta)
        assert p_by_program(bound, 80, 100, 300, delta) == pytest.approx(0.05, rel=1e-5)


def test_few_right_guesses_show_nothing():
    for right in (0, 25, 31):
        assert one_run_epsilon(right=right, guesses=50, coins=50) == 0.0
    assert one_run_epsilon(right=32, guesses=50, coins=50) > 0.0


@pytest.mark.parametrize("guesses", [7, 40, 500])
def test_it_exceeds_epsilon_in_at_most_one_audit_of_twenty(guesses):
    """Exactly, over all numbers of right guesses about randomised responses; ε = 0 is the null."""
    rights = np.arange(guesses + 1)
    bounds = np.array([one_run_epsilon(right=int(v), guesses=guesses, coins=guesses) for v in rights])
    for epsilon in (0.0, 0.5, 1.0, 2.0):
        exceeded = stats.binom(guesses, expit(epsilon)).pmf(rights)[bounds > epsilon].sum()
        assert exceeded <= 0.05
    if guesses == 500:
        assert stats.binom(guesses, 0.5).pmf(rights)[bounds > 0].sum() > 0.03  # and is not far below it


@pytest.mark.parametrize("guesses", [20, 200, 1500])
def test_the_printed_epsilon_is_found_four_times_in_five(guesses):
    found = epsilon_found(guesses=guesses, coins=2 * guesses)
    enough = next(v for v in range(guesses + 1) if one_run_p(0.0, right=v, guesses=guesses, coins=2 * guesses) < 0.05)
    assert stats.binom(guesses, expit(found)).sf(enough - 1) == pytest.approx(0.8, rel=1e-6)
    assert epsilon_found(guesses=4, coins=4) is None


@pytest.mark.parametrize(
    "wrong", [{"right": 6}, {"guesses": 11}, {"guesses": 0, "right": 0}, {"delta": 1.0}, {"delta": float("nan")}]
)
def test_impossible_numbers_are_refused(wrong):
    with pytest.raises(MetricError, match="Right guesses must be at most the guesses"):
        one_run_epsilon(**({"right": 3, "guesses": 5, "coins": 10, "delta": 0.0} | wrong))
    with pytest.raises(MetricError, match="ε must be at least 0"):
        one_run_p(-1.0, right=3, guesses=5, coins=10)
