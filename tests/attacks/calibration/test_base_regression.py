"""The fitted slope: its closed form, its arithmetic by hand, and what it is fitted on."""

import numpy as np
import pytest
from planted_difficulty import Difficulty, calibrated

from lit_mia.attacks.calibration import BaseRegression, Learning
from lit_mia.attacks.calibration.regression import STRENGTHS, ridge_residuals
from lit_mia.errors import HeadError


@pytest.mark.parametrize(("slope", "fitted"), [(1.0, 0.749), (0.6, 0.791), (0.3, 0.817), (0.05, 0.827)])
def test_a_planted_difficulty_gives_the_auc_of_the_closed_form(slope, fitted, near):
    world = Difficulty(slope=slope)
    assert world.fitted == pytest.approx(fitted, abs=0.001)
    assert world.fitted > max(world.plain, world.subtracted)
    drawn = world.drawn()
    assert drawn.auc(drawn.by(BaseRegression).scores) == pytest.approx(world.fitted, abs=near)


def scaled(values, rows):
    return (values - values[rows].mean(0)) / values[rows].std(0)


def normal_equations(features, answers, strength):
    """Slopes of a ridge regression of centred answers on centred features."""
    return np.linalg.solve(features.T @ features + strength * np.eye(features.shape[1]), features.T @ answers)


def left_out_error(features, answers, strength):
    """Mean squared error about each row by a fit to the others, with an intercept."""
    errors = []
    for row in range(len(features)):
        f, a = np.delete(features, row, 0), np.delete(answers, row, 0)
        slopes = normal_equations(f - f.mean(0), a - a.mean(0), strength)
        errors.append(answers[row] - a.mean(0) - (features[row] - f.mean(0)) @ slopes)
    return np.mean(np.square(errors))


@pytest.mark.parametrize("seed", range(4))
def test_it_is_the_ridge_regression_of_the_normal_equations(seed):
    drawn = Difficulty(columns=4, learned=60, tested=20, noise=0.1 * 3**seed).drawn(seed)
    rows = np.flatnonzero(drawn.learning.labels[:60] == 0)
    features, answers = scaled(drawn.base, rows), scaled(drawn.target, rows)
    best = min(STRENGTHS, key=lambda strength: left_out_error(features[rows], answers[rows], strength))
    residuals = answers - features @ normal_equations(features[rows], answers[rows], best)
    found, strength = ridge_residuals(drawn.target, drawn.base, rows)
    assert strength == best
    np.testing.assert_allclose(found, residuals / residuals[rows].std(0), rtol=1e-8, atol=1e-9)
    of_all = drawn.by(BaseRegression)
    np.testing.assert_allclose(of_all.scores, found.mean(1))
    assert of_all.setting == f"ridge {best:g}"


def test_members_and_val_are_not_fitted_on():
    drawn = Difficulty(columns=3, learned=300, tested=100).drawn()
    fitted = np.flatnonzero(drawn.learning.labels[:300] == 0)
    others = np.setdiff1d(np.arange(len(drawn.target)), fitted)
    target = drawn.target.copy()
    target[others] = 3 * target[others] ** 2
    found = calibrated(BaseRegression, target, drawn.base, drawn.learning)
    np.testing.assert_array_equal(found.scores[fitted], drawn.by(BaseRegression).scores[fitted])


def test_non_members_that_are_predicted_to_the_last_digit_leave_finite_scores():
    drawn = Difficulty(columns=2, learned=300, tested=100, noise=0.0).drawn()
    rows = np.flatnonzero(drawn.learning.labels == 0)
    target = drawn.target.copy()
    target[rows, 1] = -4.0
    scores = calibrated(BaseRegression, target, drawn.base, drawn.learning).scores
    assert np.isfinite(scores).all()
    assert drawn.auc(scores) == 1


def test_too_few_non_members_are_refused():
    drawn = Difficulty(learned=200, tested=20).drawn()
    labels = drawn.learning.labels
    few = [*np.flatnonzero(labels[:200] == 1), *np.flatnonzero(labels[:200] == 0)[:9]]
    with pytest.raises(HeadError, match=r"at least 10, but there are 9.*BaseDifference"):
        calibrated(BaseRegression, drawn.target, drawn.base, Learning(labels, few, drawn.learning.val))
