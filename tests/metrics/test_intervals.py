"""Intervals of AUCs: against formulas written out, a search for Newcombe's limits, and how often they cover."""

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import roc_auc_score

from lit_mia.errors import MetricError
from lit_mia.metrics.covariance import aucs
from lit_mia.metrics.intervals import auc_difference, auc_estimate
from lit_mia.metrics.newcombe import newcombe_limits, newcombe_variance


def sample(seed, shift=0.7, n1=40, n0=60):
    rng = np.random.default_rng(seed)
    labels = np.repeat([1, 0], [n1, n0])
    hidden = rng.normal(size=n1 + n0)
    a = np.round(hidden + shift * labels, 1)
    return a, np.round(0.6 * hidden + 0.8 * rng.normal(size=n1 + n0) + 0.3 * labels, 1), labels


def normal_scores(rng, auc, groups, labels, share=0.0):
    """Scores of a true AUC, of which `share` of the variance belongs to the group."""
    of_group = rng.normal(size=groups.max() + 1)[groups]
    noise = np.sqrt(share) * of_group + np.sqrt(1 - share) * rng.normal(size=len(groups))
    return noise + np.sqrt(2) * stats.norm.ppf(auc) * labels


@pytest.mark.parametrize("grouped", [False, True])
def test_the_interval_is_symmetric_on_the_logit_scale(grouped):
    scores, _, labels = sample(0)
    groups = np.arange(100) // 2 if grouped else np.arange(100)

    found = auc_estimate(scores, labels, groups)

    value, variance = roc_auc_score(labels, scores), aucs([scores], labels, groups).covariance[0, 0]
    reach = stats.t.ppf(0.975, (20 if grouped else 40) - 1) * np.sqrt(variance) / (value * (1 - value))
    odds = value / (1 - value) * np.exp([-reach, reach])
    assert found == pytest.approx((value, *(odds / (1 + odds)), np.sqrt(variance)))


def test_newcombe_variance_is_hanley_and_mcneils_of_equal_classes():
    theta, n = 0.83, 25
    q1, q2 = theta / (2 - theta), 2 * theta**2 / (1 + theta)
    expected = (theta * (1 - theta) + (n - 1) * (q1 - theta**2) + (n - 1) * (q2 - theta**2)) / n**2

    assert newcombe_variance(theta, n, n) == pytest.approx(expected)


@pytest.mark.parametrize("value", [0.0, 0.02, 0.4, 0.97, 1.0])
def test_newcombe_limits_are_those_of_a_search(value):
    truths = np.linspace(0, 1, 200_001)[1:-1]
    within = truths[np.abs(truths - value) <= 1.96 * np.sqrt(newcombe_variance(truths, 30, 50))]

    assert newcombe_limits(value, 30, 50, 1.96) == pytest.approx((within.min(), within.max()), abs=1e-5)


def test_near_1_the_interval_reaches_as_far_as_newcombes():
    labels = np.repeat([1, 0], [181, 356])
    scores = np.random.default_rng(1).normal(size=537) + 4 * labels

    found = auc_estimate(scores, labels)

    newcombe = newcombe_limits(found.auc, 181, 356, stats.t.ppf(0.975, 180))
    assert found.auc > 0.99
    assert found.lo == pytest.approx(newcombe.lo)
    assert found.hi >= newcombe.hi > found.auc
    mirrored = auc_estimate(-scores, labels)
    assert (mirrored.lo, mirrored.hi) == pytest.approx((1 - found.hi, 1 - found.lo))


def test_perfect_separation_gets_the_exact_bound_of_its_groups():
    labels = np.repeat([0, 1], [60, 40])

    for groups, pairs in ((None, 40), (np.arange(100) // 2, 20)):
        found = auc_estimate(labels, labels, groups)

        exact = stats.binomtest(pairs, pairs).proportion_ci().low
        assert found.auc == found.hi == 1
        assert found.lo == pytest.approx(exact)
    assert auc_estimate(-labels, labels).lo == 0


def test_groups_are_worth_as_many_records_as_their_design_effect_says():
    rng = np.random.default_rng(2)
    groups = np.repeat(np.arange(80), 5)
    labels = (groups < 40).astype(int)

    copied = normal_scores(rng, 0.98, groups, labels, share=1.0)
    once = auc_estimate(copied[::5], labels[::5])

    repeated = auc_estimate(copied, labels, groups)
    assert repeated == pytest.approx(once, abs=0.002)
    assert auc_estimate(copied, labels).lo > repeated.lo + 0.01


def test_the_difference_is_a_t_test_with_satterthwaites_degrees():
    a, b, labels = sample(3)

    found = auc_difference(a, b, labels)

    wins = [np.sign(row[labels == 1][:, None] - row[labels == 0]) / 2 + 0.5 for row in (a, b)]
    delta = wins[0] - wins[1]
    parts = np.var(delta.mean(axis=1), ddof=1) / 40, np.var(delta.mean(axis=0), ddof=1) / 60
    degrees = sum(parts) ** 2 / (parts[0] ** 2 / 39 + parts[1] ** 2 / 59)
    se = np.sqrt(sum(parts))
    expected = stats.t(degrees, loc=delta.mean(), scale=se)
    p = stats.t.sf(delta.mean() / se, degrees)
    assert found == pytest.approx((delta.mean(), *expected.interval(0.95), se, p))


def test_the_difference_changes_sign_with_the_order():
    a, b, labels = sample(4, shift=4)

    there, back = auc_difference(a, b, labels), auc_difference(b, a, labels)

    assert (back.delta, back.lo, back.hi) == pytest.approx((-there.delta, -there.hi, -there.lo))
    assert there.p_greater + back.p_greater == pytest.approx(1)


def test_a_monotone_map_changes_nothing():
    a, b, labels = sample(5)

    assert auc_estimate(np.exp(a), labels) == auc_estimate(a, labels)
    assert auc_difference(np.exp(a), b**3, labels) == auc_difference(a, b, labels)


@pytest.mark.parametrize("groups", [None, np.arange(100) // 2])
def test_repetitions_have_the_interval_of_their_mean(groups):
    rng = np.random.default_rng(6)
    labels = np.repeat([1, 0], 50)
    strong, weak = rng.normal(size=(3, 100)) + 0.8 * labels, rng.normal(size=(2, 100)) + 0.3 * labels

    mean, difference = auc_estimate(strong, labels, groups), auc_difference(strong, weak, labels, groups)

    found = aucs(np.concatenate([strong, weak]), labels, groups)
    weights = np.array([1 / 3] * 3 + [-1 / 2] * 2)
    assert mean.auc == pytest.approx(np.mean([roc_auc_score(labels, row) for row in strong]))
    assert mean.se == pytest.approx(np.sqrt(found.covariance[:3, :3].mean()))
    assert difference.delta == pytest.approx(weights @ found.values)
    assert difference.se == pytest.approx(np.sqrt(weights @ found.covariance @ weights))
    assert auc_estimate(strong[:1], labels, groups) == auc_estimate(strong[0], labels, groups)
    assert auc_estimate(np.stack([labels] * 7), labels, groups) == auc_estimate(labels, labels, groups)


def test_what_cannot_be_said_has_no_interval():
    rng = np.random.default_rng(7)
    labels, groups = np.repeat([1, 0], 45), np.arange(90) // 5  # nine groups a side
    scores = rng.normal(size=90) + labels

    assert auc_estimate(scores, labels).lo is not None
    assert auc_estimate(scores, labels, groups).ci is None
    assert auc_difference(scores, -scores, labels, groups)[1:3] == (None, None)
    assert auc_estimate(np.ones(90), labels)[:3] == (0.5, None, None)
    same = auc_difference(scores, 2 * scores, labels)
    assert (same.delta, same.lo, same.hi, same.p_greater) == (0, None, None, 1)
    repeated = rng.normal(size=(7, 90)) + labels
    same = auc_difference(repeated, repeated[::-1], labels)
    assert (same.delta, same.lo, same.hi, same.p_greater) == (0, None, None, 1)


def test_differences_where_nothing_varies_are_not_certain():
    labels = np.repeat([1, 0], 20)

    both = auc_difference(labels, 2 * labels, labels)
    reversed_ = auc_difference(labels, -labels, labels)
    constant = auc_difference(labels, np.zeros(40), labels)

    assert both.delta == 0
    assert both.lo < -0.05
    assert both.hi > 0.05
    assert both.p_greater == 1
    assert reversed_.p_greater == pytest.approx(0.5**20)
    assert 0.5 < reversed_.lo < reversed_.hi == 1
    assert constant.lo == pytest.approx(auc_estimate(labels, labels).lo - 0.5)
    assert constant.p_greater == pytest.approx(1.5**-20)


@pytest.mark.parametrize(
    ("sides", "size", "share"), [((181, 356), 1, 0.0), ((36, 71), 5, 0.5), ((36, 36), 5, 0.9), ((10, 10), 5, 0.9)]
)
def test_intervals_hold_the_truth_in_95_percent_and_always_their_estimate(sides, size, share):
    rng = np.random.default_rng(8)
    groups = np.repeat(np.arange(sum(sides)), size)
    labels = (groups < sides[0]).astype(int)
    for truth in (0.5, 0.9, 0.99, 0.998):
        held = []
        for _ in range(150):
            scores = normal_scores(rng, truth, groups, labels, share)
            found = auc_estimate(scores, labels, groups)
            apart = auc_difference(scores, rng.normal(size=len(groups)), labels, groups)
            held.append((found.lo <= truth <= found.hi, apart.lo <= truth - 0.5 <= apart.hi))
            assert 0 <= found.lo <= found.auc <= found.hi <= 1
            assert -1 <= apart.lo <= apart.delta <= apart.hi <= 1
        assert (np.mean(held, axis=0) >= 0.9).all()


def test_records_of_groups_taken_as_independent_would_hold_it_far_less_often():
    rng = np.random.default_rng(9)
    groups, labels = np.repeat(np.arange(72), 5), np.repeat([1, 0], 180)
    held = []
    for _ in range(100):
        found = auc_estimate(normal_scores(rng, 0.7, groups, labels, share=0.9), labels)
        held.append(found.lo <= 0.7 <= found.hi)
    assert np.mean(held) < 0.8


def test_equally_good_scores_have_calibrated_p_values():
    rng = np.random.default_rng(10)
    groups, labels = np.repeat(np.arange(40), 3), np.repeat([1, 0], 60)
    p = []
    for _ in range(300):
        shared = normal_scores(rng, 0.7, groups, labels, share=0.7)
        a, b = (shared + rng.normal(size=40)[groups] for _ in range(2))
        p.append(auc_difference(a, b, labels, groups).p_greater)
    assert 0.02 <= np.mean(np.array(p) <= 0.05) <= 0.085


def test_too_few_groups_are_refused():
    with pytest.raises(MetricError, match="at least two groups of each class"):
        auc_estimate([1, 2, 3, 4], [1, 1, 0, 0], ["a", "a", "b", "c"])
    with pytest.raises(MetricError, match="one group name"):
        auc_difference([1, 2, 3, 4], [1, 2, 3, 4], [1, 1, 0, 0], ["a", "b"])
