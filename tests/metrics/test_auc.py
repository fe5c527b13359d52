import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import roc_auc_score

from lit_mia.errors import MetricError
from lit_mia.metrics.auc import (
    auc,
    constant_auc,
    constant_difference,
    delong,
    delong_difference,
    midranks,
    p_above_half,
)


def sample(seed, n1=40, n0=60, shift=0.7, decimals=1):
    rng = np.random.default_rng(seed)
    labels = np.repeat([1, 0], [n1, n0])
    hidden = rng.normal(size=n1 + n0)
    a = np.round(hidden + shift * labels, decimals)
    b = np.round(0.6 * hidden + 0.8 * rng.normal(size=n1 + n0) + 0.3 * labels, decimals)
    return a, b, labels


def slow_components(scores, labels):
    """DeLong's structural components by comparing every member with every non-member."""
    members, non_members = scores[labels == 1], scores[labels == 0]
    kernel = np.empty((len(members), len(non_members)))
    for i, x in enumerate(members):
        for j, y in enumerate(non_members):
            kernel[i, j] = 1.0 if x > y else 0.5 if x == y else 0.0
    return kernel.mean(), kernel.mean(axis=1), kernel.mean(axis=0)


@pytest.mark.parametrize("decimals", [0, 1, 9])
def test_auc_equals_scikit_learn(decimals):
    scores, _, labels = sample(0, decimals=decimals)

    assert auc(scores, labels) == pytest.approx(roc_auc_score(labels, scores), abs=1e-12)


def test_midranks_equal_scipy():
    values = np.round(np.random.default_rng(0).normal(size=50), 1)

    np.testing.assert_array_equal(midranks(values), stats.rankdata(values))


@pytest.mark.parametrize("decimals", [1, 9])
def test_delong_equals_the_slow_double_loop(decimals):
    a, b, labels = sample(1, decimals=decimals)
    auc_a, v10_a, v01_a = slow_components(a, labels)
    auc_b, v10_b, v01_b = slow_components(b, labels)

    single, paired = delong(a, labels), delong_difference(a, b, labels)

    se = np.sqrt(np.var(v10_a, ddof=1) / 40 + np.var(v01_a, ddof=1) / 60)
    assert single == pytest.approx((auc_a, auc_a - 1.959964 * se, auc_a + 1.959964 * se, se), abs=1e-6)
    delta = auc_a - auc_b
    se = np.sqrt(np.var(v10_a - v10_b, ddof=1) / 40 + np.var(v01_a - v01_b, ddof=1) / 60)
    expected = (delta, delta - 1.959964 * se, delta + 1.959964 * se, se, stats.norm.sf(delta / se))
    assert paired == pytest.approx(expected, abs=1e-6)


def test_a_monotone_map_changes_nothing():
    a, b, labels = sample(2)

    assert delong(np.exp(a), labels) == delong(a, labels)
    assert delong_difference(np.exp(a), b**3, labels) == delong_difference(a, b, labels)
    assert p_above_half(np.exp(a), labels) == p_above_half(a, labels)


def test_the_difference_changes_sign_with_the_order():
    a, b, labels = sample(3)

    there, back = delong_difference(a, b, labels), delong_difference(b, a, labels)

    assert (back.delta, back.lo, back.hi) == pytest.approx((-there.delta, -there.hi, -there.lo))
    assert there.p_greater + back.p_greater == pytest.approx(1)


@pytest.mark.parametrize("decimals", [0, 9])
def test_p_above_half_equals_mann_whitney(decimals):
    scores, _, labels = sample(4, shift=0.2, decimals=decimals)
    members, non_members = scores[labels == 1], scores[labels == 0]

    reference = stats.mannwhitneyu(
        members, non_members, alternative="greater", method="asymptotic", use_continuity=False
    )

    assert p_above_half(scores, labels) == pytest.approx(reference.pvalue, abs=1e-12)


def test_equal_scores_are_no_evidence():
    assert p_above_half(np.ones(20), np.repeat([0, 1], 10)) == 1
    assert delong(np.ones(20), np.repeat([0, 1], 10)).auc == 0.5


def test_perfect_separation_gets_the_exact_bound():
    labels = np.repeat([0, 1], [30, 20])
    perfect = labels * 5.0

    estimate = delong(perfect, labels)

    exact = stats.binomtest(20, 20).proportion_ci(0.95, method="exact")
    assert (estimate.auc, estimate.lo, estimate.hi) == pytest.approx((1, exact.low, 1))
    assert estimate.se > 0
    reverse = delong(-perfect, labels)
    assert (reverse.auc, reverse.lo, reverse.hi) == pytest.approx((0, 0, 1 - exact.low))


def test_equal_scores_get_an_interval_round_one_half():
    estimate = constant_auc(0.5, pairs=20)

    assert (estimate.lo + estimate.hi) / 2 == pytest.approx(0.5)
    assert estimate.hi - estimate.lo == pytest.approx(1 - 0.025 ** (1 / 20))


def test_perfect_against_reversed_is_the_sign_test():
    labels = np.repeat([0, 1], 8)

    difference = delong_difference(labels, -labels, labels)

    assert difference.delta == 1
    assert difference.p_greater == pytest.approx(0.5**8)
    assert difference.lo < 1
    assert difference.se > 0


def test_the_same_scores_twice_never_count_as_better():
    a, _, labels = sample(5)

    same = delong_difference(a, a, labels)

    assert same.delta == 0
    assert same.p_greater == 1
    assert same.lo < 0 < same.hi
    assert constant_difference(-0.5, 10).p_greater == 1


def test_intervals_stay_within_their_range():
    labels = np.repeat([0, 1], 5)
    almost = np.array([0, 1, 2, 3, 5, 4, 6, 7, 8, 9])

    estimate = delong(almost, labels)

    assert estimate.hi == 1
    assert 0 <= estimate.lo < estimate.auc < 1


@pytest.mark.parametrize(("shift", "truth"), [(0.0, 0.5), (1.0, stats.norm.cdf(1 / np.sqrt(2)))])
def test_delong_covers_about_95_percent(shift, truth):
    rng = np.random.default_rng(6)
    labels = np.repeat([1, 0], [50, 70])
    covered = 0
    for _ in range(400):
        estimate = delong(rng.normal(size=120) + shift * labels, labels)
        covered += estimate.lo <= truth <= estimate.hi
    assert 0.92 <= covered / 400 <= 0.98


def test_p_values_of_equally_good_scores_are_calibrated():
    rng = np.random.default_rng(7)
    labels = np.repeat([1, 0], 60)
    p_values = []
    for _ in range(400):
        shared = rng.normal(size=120) + 0.8 * labels
        a, b = shared + rng.normal(size=120), shared + rng.normal(size=120)
        p_values.append(delong_difference(a, b, labels).p_greater)
    assert 0.025 <= np.mean(np.array(p_values) <= 0.05) <= 0.08


def test_an_interval_needs_two_of_each_class():
    with pytest.raises(MetricError, match="at least two records of each class"):
        delong([1, 2, 3], [1, 0, 0])
    with pytest.raises(MetricError, match="`level`"):
        delong([1, 2, 3, 4], [1, 0, 0, 1], level=95)
