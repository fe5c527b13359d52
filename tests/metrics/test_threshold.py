import numpy as np
import pytest
from scipy import stats

from lit_mia.errors import MetricError
from lit_mia.metrics.auc import Interval
from lit_mia.metrics.rates import clopper_pearson
from lit_mia.metrics.roc import roc_curve
from lit_mia.metrics.threshold import (
    apply_threshold,
    balanced_accuracy,
    balanced_threshold,
    positive_predictive_value,
    ppv_interval,
    predictive_value,
    threshold_at_fpr,
)


@pytest.mark.parametrize("decimals", [0, 1, 9])
@pytest.mark.parametrize("n1", [30, 50])
def test_balanced_threshold_calls_the_fewest_of_all_best_choices(decimals, n1):
    rng = np.random.default_rng(0)
    labels = np.repeat([1, 0], [n1, 50])
    scores = np.round(rng.normal(size=n1 + 50) + 0.6 * labels, decimals)
    choices = [scores >= t for t in roc_curve(scores, labels).thresholds]  # from calling nobody to calling everybody
    values = [np.mean(called[labels == 1]) - np.mean(called[labels == 0]) for called in choices]
    first_best = np.flatnonzero(np.isclose(values, max(values), atol=1e-12))[0]

    threshold = balanced_threshold(scores, labels)

    np.testing.assert_array_equal(scores >= threshold, choices[first_best])


def test_balanced_threshold_by_hand():
    assert balanced_threshold([0, 1, 3, 4], [0, 0, 1, 1]) == 2
    # calling {5} or {5, 3, 2} members is equally good: the higher threshold counts
    assert balanced_threshold([5, 4, 3, 1], [1, 0, 1, 0]) == 4.5
    # useless or reversed scores: nobody is called a member, and the threshold stays finite
    for scores in ([2, 2, 2, 2], [1, 2, 3, 4]):
        threshold = balanced_threshold(scores, [1, 1, 0, 0])
        assert max(scores) < threshold < max(scores) + 1e-9
    # neighbouring floats have no midpoint
    above = np.nextafter(1.0, 2.0)
    assert balanced_threshold([1.0, above], [0, 1]) == above


@pytest.mark.parametrize("fpr", [0.01, 0.05, 0.1, 0.29, 0.5, 0.999])
@pytest.mark.parametrize("decimals", [0, 1, 9])
def test_threshold_at_fpr_is_the_smallest_within_the_rate(fpr, decimals):
    scores = np.round(np.random.default_rng(1).normal(size=100), decimals)

    threshold = threshold_at_fpr(scores, fpr)

    assert np.mean(scores >= threshold) <= fpr
    assert np.mean(scores >= np.nextafter(threshold, -np.inf)) > fpr


def test_threshold_at_fpr_refuses_unusable_input():
    for scores, fpr in (([], 0.1), ([1, np.nan], 0.1), ([[1, 2]], 0.1), ([1, 2], 0.0), ([1, 2], 1.0)):
        with pytest.raises(MetricError):
            threshold_at_fpr(scores, fpr)


def test_a_frozen_threshold_by_hand():
    at = apply_threshold(2.0, 0.1, [1, 2, 3, 4, 0, 1, 1.5, 2], [1, 1, 1, 1, 0, 0, 0, 0])

    assert (at.threshold, at.nominal_fpr, at.realised_fpr, at.tpr) == (2.0, 0.1, 0.25, 0.75)
    assert at.realised_fpr_ci == clopper_pearson(1, 4)
    assert at.tpr_ci == clopper_pearson(3, 4)
    with pytest.raises(MetricError, match="one group name"):
        apply_threshold(2.0, 0.1, [1, 2, 3, 4], [1, 1, 0, 0], groups=["a", "b"])


def test_groups_are_the_unit_of_frozen_rates():
    labels, groups = np.repeat([1, 0], 100), np.arange(200) // 5
    scores = np.repeat(np.random.default_rng(3).normal(size=40), 5)  # what is true of one is true of its group

    at, once = (apply_threshold(0.5, 0.1, scores[::step], labels[::step], groups=groups[::step]) for step in (1, 5))

    assert (at.tpr, at.realised_fpr) == (once.tpr, once.realised_fpr)
    np.testing.assert_allclose([at.tpr_ci, at.realised_fpr_ci], [once.tpr_ci, once.realised_fpr_ci], atol=0.03)
    wide, narrow = (balanced_accuracy(scores, labels, 0.5, names) for names in (groups, None))
    assert wide.hi - wide.lo > 2 * (narrow.hi - narrow.lo)


def test_balanced_accuracy_by_hand():
    scores, labels = [1, 2, 3, 4, 0, 1, 1.5, 2], [1, 1, 1, 1, 0, 0, 0, 0]

    value, lo, hi = balanced_accuracy(scores, labels, 2.0)

    assert value == 0.75
    reach = 0.75 - clopper_pearson(3, 4).lo
    assert lo == pytest.approx(0.75 - reach / np.sqrt(2))  # both rates are 3 of 4
    assert hi == pytest.approx(0.75 + (clopper_pearson(3, 4).hi - 0.75) / np.sqrt(2))


def test_balanced_accuracy_covers_and_never_degenerates():
    rng = np.random.default_rng(2)
    labels = np.repeat([1, 0], [40, 60])
    truth = stats.norm.cdf(0.5)
    covered = 0
    for _ in range(300):
        _, lo, hi = balanced_accuracy(rng.normal(size=100) + labels, labels, 0.5)
        covered += lo <= truth <= hi
    assert covered / 300 >= 0.93
    value, lo, hi = balanced_accuracy(labels, labels, 0.5)
    assert (value, hi) == (1, 1)
    assert 0.9 < lo < 1


def test_predictive_value_by_hand():
    assert positive_predictive_value(0.5, 0.1, 0.5) == pytest.approx(5 / 6)
    assert positive_predictive_value(0.5, 0.1, 0.01) == pytest.approx(0.005 / (0.005 + 0.099))
    assert positive_predictive_value(0.3, 0.0, 0.01) == 1
    assert positive_predictive_value(0.0, 0.0, 0.5) is None


def test_predictive_value_interval_takes_worst_and_best_case():
    worst, best = ppv_interval(Interval(0.4, 0.6), Interval(0.05, 0.2), 0.1)

    assert worst == positive_predictive_value(0.4, 0.2, 0.1)
    assert best == positive_predictive_value(0.6, 0.05, 0.1)
    assert ppv_interval(Interval(0.0, 0.0), Interval(0.0, 0.0), 0.1) == (0, 1)


def test_no_false_positive_is_not_a_certain_accusation():
    at = apply_threshold(3.0, 0.1, [4, 5, 1, 2, *np.zeros(181)], [1, 1, 1, 1, *np.zeros(181)])

    found = predictive_value(at, 0.001)

    assert found.value == 1
    assert (found.lo, found.hi) == ppv_interval(at.tpr_ci, at.realised_fpr_ci, 0.001)
    assert found.lo < 0.01
    assert predictive_value(apply_threshold(9.0, 0.1, [1, 0], [1, 0]), 0.1) == (None, 0, 1)


@pytest.mark.parametrize(("tpr", "fpr", "prior"), [(1.1, 0.1, 0.5), (0.5, -0.1, 0.5), (0.5, 0.1, 0), (0.5, 0.1, 1)])
def test_predictive_value_refuses_impossible_rates(tpr, fpr, prior):
    with pytest.raises(MetricError):
        positive_predictive_value(tpr, fpr, prior)
