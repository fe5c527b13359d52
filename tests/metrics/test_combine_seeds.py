import numpy as np
import pytest

from lit_mia.errors import MetricError
from lit_mia.metrics.roc import combine_seeds


def test_each_seed_is_scaled_by_its_own_calibration_records():
    scores = [[0.0, 2.0, 5.0], [100.0, 300.0, 400.0]]

    combined = combine_seeds(scores, [True, True, False])

    np.testing.assert_allclose(combined, [-1, 1, (4 + 2) / 2])


def test_shift_and_scale_of_a_seed_do_not_matter():
    scores = np.random.default_rng(0).normal(size=(3, 20))
    calibration = np.arange(20) < 8

    np.testing.assert_allclose(
        combine_seeds(scores, calibration),
        combine_seeds(scores * [[1], [50], [0.01]] + [[3], [-9], [0]], calibration),
    )


@pytest.mark.parametrize("scale", [1e300, 1e-300])
def test_very_large_and_small_scores_keep_their_order(scale):
    scores = np.random.default_rng(0).normal(size=(3, 20))
    calibration = np.arange(20) < 8

    np.testing.assert_allclose(combine_seeds(scale * scores, calibration), combine_seeds(scores, calibration))


@pytest.mark.parametrize("constant", [0.0, 0.1, 1e9])
def test_a_constant_seed_counts_as_zero(constant):
    scores = np.array([[0.0, 2.0, 5.0], [constant] * 3])

    combined = combine_seeds(scores, [True, True, False])

    np.testing.assert_allclose(combined, [-0.5, 0.5, 2])
    np.testing.assert_array_equal(combine_seeds(np.full((2, 30), constant), np.arange(30) < 17), np.zeros(30))


@pytest.mark.parametrize(
    ("scores", "calibration"),
    [
        ([1.0, 2.0], [True, True]),
        ([[1.0, 2.0]], [True]),
        ([[1.0, np.nan]], [True, True]),
        ([[1.0, 2.0]], [False, False]),
        (np.empty((0, 2)), [True, True]),
    ],
)
def test_unusable_input_is_refused(scores, calibration):
    with pytest.raises(MetricError):
        combine_seeds(scores, calibration)
