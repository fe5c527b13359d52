import numpy as np
import pytest
from sklearn.metrics import roc_curve as sklearn_roc_curve

from lit_mia.errors import LitMiaError, MetricError
from lit_mia.metrics.roc import check, check_fractions, roc_curve


@pytest.mark.parametrize("decimals", [0, 1, 9])
def test_equals_scikit_learn_with_and_without_ties(decimals):
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 300)
    scores = np.round(rng.normal(size=300) + labels, decimals)

    curve = roc_curve(scores, labels)

    fpr, tpr, thresholds = sklearn_roc_curve(labels, scores, drop_intermediate=False)
    np.testing.assert_allclose(curve.fpr, fpr, atol=1e-15)
    np.testing.assert_allclose(curve.tpr, tpr, atol=1e-15)
    np.testing.assert_array_equal(curve.thresholds, thresholds)


def test_one_point_per_distinct_score_between_both_corners():
    curve = roc_curve([3.0, 3.0, -2.0, -7.5], [1, 0, 1, 0])

    np.testing.assert_array_equal(curve.fpr, [0, 0.5, 0.5, 1])
    np.testing.assert_array_equal(curve.tpr, [0, 0.5, 1, 1])
    np.testing.assert_array_equal(curve.thresholds, [np.inf, 3.0, -2.0, -7.5])


def test_a_monotone_map_changes_thresholds_only():
    rng = np.random.default_rng(1)
    scores, labels = rng.normal(size=100), rng.integers(0, 2, 100)

    plain, mapped = roc_curve(scores, labels), roc_curve(np.exp(scores) * 1000, labels)

    np.testing.assert_array_equal(plain.fpr, mapped.fpr)
    np.testing.assert_array_equal(plain.tpr, mapped.tpr)


@pytest.mark.parametrize("labels", [[0, 1, 1], [0.0, 1.0, 1.0], [False, True, True]])
def test_labels_may_be_int_float_or_bool(labels):
    values, is_member = check(np.float32([1, 2, 3]), labels)

    assert values.dtype == np.float64
    np.testing.assert_array_equal(is_member, [False, True, True])


@pytest.mark.parametrize(
    ("scores", "labels", "message"),
    [
        ([1, np.nan, 2], [0, 1, 1], "1 of 3 are NaN"),
        ([1, np.inf, 2], [0, 1, 1], "finite"),
        ([1, 2], [0, 1, 1], "one length"),
        ([[1, 2]], [[0, 1]], "one length"),
        ([1, 2, 3], [0, 1, -1], "unknown membership"),
        ([1, 2], [1, 1], "2 members and 0 non-members"),
        ([], [], "0 members"),
    ],
)
def test_unusable_input_is_refused(scores, labels, message):
    with pytest.raises(MetricError, match=message):
        check(scores, labels)
    assert issubclass(MetricError, LitMiaError)


@pytest.mark.parametrize("value", [0.0, 1.0, 5.0, -0.1, float("nan")])
def test_fractions_lie_strictly_between_0_and_1(value):
    with pytest.raises(MetricError, match=r"`fpr` must be in \(0, 1\)"):
        check_fractions(level=0.95, fpr=value)
