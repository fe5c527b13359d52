"""The power of the verdict rule, from the joint normal of its AUCs."""

import numpy as np
import pytest

from lit_mia.metrics.auc import mde_auc, null_se
from lit_mia.metrics.covariance import Aucs
from lit_mia.metrics.holm import holm, holm_adjusted
from lit_mia.metrics.intervals import measure
from lit_mia.metrics.power import Clause, Simulated, auc_needed, null_aucs, violation_found

COIN, HELD_OUT = Clause(coin=True, factor=None), Clause(coin=False, factor=1.5)


def null(attacks, controls, n1=181, n0=356, shared=0.5):
    correlation = np.full((attacks + controls,) * 2, shared)
    np.fill_diagonal(correlation, 1)
    covariance = correlation * null_se(n1, n0) ** 2
    return Aucs(np.full(len(covariance), 0.5), covariance, n1, n0), [[*range(attacks, attacks + controls)]] * attacks


def test_one_attack_under_a_coin_needs_what_the_closed_form_says():
    for n1, n0 in ((181, 356), (2500, 2500)):
        assert auc_needed(*null(1, 1, n1, n0), COIN) == pytest.approx(mde_auc(n1, n0), abs=0.002)


def test_more_attacks_and_controls_need_more_and_more_records_less():
    one, six = auc_needed(*null(1, 1), HELD_OUT), auc_needed(*null(6, 3), HELD_OUT)
    assert auc_needed(*null(6, 3), COIN) < one < six
    assert auc_needed(*null(6, 3, 500, 500), HELD_OUT) < six
    assert auc_needed(*null(6, 3), COIN) == pytest.approx(0.586, abs=0.006)
    assert six == pytest.approx(0.638, abs=0.012)


def test_four_in_five_are_found_at_the_auc_needed_and_few_at_half():
    scores, against = null(6, 3)
    for clause in (COIN, HELD_OUT, Clause(coin=True, factor=1.0), Clause(coin=False, factor=1.0, silent=True)):
        simulated = Simulated(scores, against, clause)
        needed = simulated.auc_needed(2)
        assert simulated.share_found(2, needed) == pytest.approx(0.8, abs=0.002)
        assert simulated.share_found(2, 0.5) <= 0.05


def test_a_stated_coin_needs_a_little_more_than_a_verified_one():
    scores, against = null(6, 3)
    stated = auc_needed(scores, against, Clause(coin=True, factor=1.0))
    assert 0 < stated - auc_needed(scores, against, COIN) < 0.02


def test_the_violation_of_a_coin_that_would_be_found():
    assert violation_found(null(6, 5)[0], 5) == pytest.approx(0.598, abs=0.001)
    assert violation_found(null(6, 5, 500, 500)[0], 5) == pytest.approx(0.568, abs=0.001)
    assert violation_found(null(6, 0)[0], 0) is None


def test_with_few_groups_nothing_is_said():
    assert auc_needed(*null(1, 1, 9, 356), COIN) is None


def test_an_attack_whose_control_is_itself_is_never_found():
    scores = Aucs(np.full(2, 0.5), np.full((2, 2), null_se(181, 356) ** 2), 181, 356)
    needed = auc_needed(scores, [[1]], HELD_OUT)
    assert needed is not None  # the control stays at 0.5 while the attack is raised: it is the spread they share


def test_variances_are_those_of_useless_scores_and_correlations_are_kept():
    rng = np.random.default_rng(0)
    labels = np.repeat([1, 0], 200)
    common = rng.normal(size=400)
    scores = np.stack([common + rng.normal(size=400) + labels, common + rng.normal(size=400), np.zeros(400)])
    found = null_aucs(measure(scores, labels, np.arange(400)))
    assert found.values.tolist() == [0.5] * 3
    np.testing.assert_allclose(np.sqrt(np.diag(found.covariance)), [null_se(200, 200)] * 2 + [0])
    assert found.covariance[0, 1] / null_se(200, 200) ** 2 == pytest.approx(0.48, abs=0.1)
    assert found.covariance[0, 2] == 0
    twins = null_aucs(measure(np.repeat(scores, 5, axis=1), np.repeat(labels, 5), np.repeat(np.arange(400), 5)))
    np.testing.assert_allclose(np.sqrt(np.diag(twins.covariance))[:2], null_se(200, 200), rtol=0.02)


def test_a_perfect_score_varies_as_a_useless_one_of_as_many_groups():
    rng = np.random.default_rng(0)
    labels, common = np.repeat([1, 0], 100), rng.normal(size=200)
    scores = np.stack([labels + rng.uniform(0, 0.1, size=200), common])
    found = null_aucs(measure(scores, labels, np.arange(200)))
    np.testing.assert_allclose(found.covariance, np.eye(2) * null_se(100, 100) ** 2, atol=1e-12)
    assert auc_needed(found, [[1]], COIN) == pytest.approx(mde_auc(100, 100), abs=0.003)
    fives = null_aucs(measure(np.repeat(scores, 5, axis=1), np.repeat(labels, 5), np.repeat(np.arange(200), 5)))
    np.testing.assert_allclose(np.diag(fives.covariance), null_se(100, 100) ** 2, rtol=0.02)


def test_constant_scores_are_never_found_and_constant_controls_find_no_violation():
    labels, varied = np.repeat([1, 0], 50), np.random.default_rng(0).normal(size=100)
    dead = null_aucs(measure(np.zeros((2, 100)), labels, np.arange(100)))
    assert auc_needed(dead, [[1]], COIN) is None
    assert (
        auc_needed(null_aucs(measure(np.stack([varied, np.zeros(100)]), labels, np.arange(100))), [[], []], COIN)
        is None
    )
    assert violation_found(dead, 1) is None
    assert violation_found(null(1, 2, 9, 356)[0], 2) is None


def test_holm_of_many_rows_is_holm_of_each():
    p = np.random.default_rng(1).uniform(size=(50, 5)) ** 3
    for row, adjusted in zip(p, holm_adjusted(p), strict=True):
        assert dict(enumerate(adjusted)) == pytest.approx(holm(dict(enumerate(row))))
