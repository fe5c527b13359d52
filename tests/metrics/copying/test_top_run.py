"""Members above every non-member: by hand, by every order of a few units, by simulation, and planted."""

from itertools import combinations
from math import comb

import numpy as np
import pytest

from lit_mia.errors import MetricError
from lit_mia.metrics.copying.top_run import TopRun, top_run


def test_a_run_by_hand():
    scores = [0.9, 0.8, 0.7, 0.6, 0.5, 0.4]

    assert top_run(scores, [1, 1, 0, 1, 0, 0]) == TopRun(2, pytest.approx(3 / 6 * 2 / 5))
    assert top_run(scores, [0, 1, 1, 1, 0, 0]) == TopRun(0, 1.0)
    assert top_run(scores, [1, 1, 1, 0, 0, 0]) == TopRun(3, pytest.approx(1 / comb(6, 3)))


@pytest.mark.parametrize(("k", "p"), [(5, 0.030), (10, 0.00077), (100, 1 / comb(200, 100))])
def test_the_figures_of_equal_halves(k, p):
    labels = np.concatenate([np.ones(k), [0], np.ones(100 - k), np.zeros(99)])

    assert top_run(np.arange(200, 0, -1), labels) == TopRun(k, pytest.approx(p, rel=0.02))


def test_a_member_that_equals_the_best_non_member_does_not_count():
    assert top_run([3.0, 2.0, 2.0, 1.0], [1, 1, 0, 0]).above == 1
    assert top_run([2.0, 2.0, 2.0, 2.0], [1, 1, 0, 0]) == TopRun(0, 1.0)
    assert top_run([3.0, 3.0, 2.0, 1.0], [1, 1, 0, 0]).above == 2


def test_a_group_counts_once_by_its_best_record():
    scores = [9.0, 8.0, 7.0, 1.0, 6.0, 2.0, 0.0]
    labels = [1, 1, 1, 0, 0, 1, 0]

    assert top_run(scores, labels) == TopRun(3, pytest.approx(4 / 7 * 3 / 6 * 2 / 5))
    assert top_run(scores, labels, ["a", "a", "b", "c", "c", "b", "d"]) == TopRun(2, pytest.approx(2 / 4 * 1 / 3))


def test_records_of_a_group_of_both_labels_count_by_themselves():
    scores, groups = [9.0, 8.0, 7.0, 6.0, 5.0, 4.0], ["a", "a", "b", "b", "b", "c"]

    assert top_run(scores, [1, 1, 1, 1, 0, 0], groups) == TopRun(3, pytest.approx(3 / 5 * 2 / 4 * 1 / 3))


@pytest.mark.parametrize(("n1", "n0"), [(4, 4), (3, 6), (6, 2)])
def test_over_every_coin_p_is_the_probability_of_as_long_a_run(n1, n0):
    n = n1 + n0
    found = [top_run(np.arange(n), np.isin(np.arange(n), members)) for members in combinations(range(n), n1)]
    runs = np.array([run.above for run in found])

    for run in found:
        assert run.p == pytest.approx(np.mean(runs >= run.above))


def test_p_is_that_of_simulated_coins():
    rng, scores = np.random.default_rng(0), np.arange(90)
    orders = rng.permuted(np.tile(np.arange(90) < 60, (20_000, 1)), axis=1)
    runs = np.logical_and.accumulate(orders, axis=1).sum(axis=1)

    for k in (1, 3, 6):
        labels = np.repeat([0, 1, 0, 1], [29, 60 - k, 1, k])
        assert top_run(scores, labels) == TopRun(k, pytest.approx(np.mean(runs >= k), abs=0.012))


def test_a_few_members_known_by_heart_are_found():
    scores = np.random.default_rng(1).normal(size=400)
    labels = np.repeat([1, 0], 200)
    scores[:8] += 6

    assert top_run(scores, labels).above >= 8
    assert top_run(scores, labels).p < 0.005


def test_a_score_that_is_no_number_is_refused():
    with pytest.raises(MetricError, match="1 of 4 are NaN"):
        top_run([1.0, float("nan"), 0.0, 2.0], [1, 0, 1, 0])
