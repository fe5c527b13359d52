"""The joint head: its closed form, its arithmetic by another optimiser, its choice on val, and its control."""

import numpy as np
import pytest
from planted_difficulty import Difficulty, calibrated
from scipy.optimize import minimize
from scipy.stats import norm
from sklearn.metrics import log_loss

from lit_mia.attacks.calibration import BaseJoint, Learning, base_alone
from lit_mia.attacks.calibration.joint import STRENGTHS, learned_head
from lit_mia.errors import HeadError


@pytest.mark.parametrize("slope", [1.0, 0.3])
def test_with_one_column_it_finds_the_best_slope(slope, near):
    world = Difficulty(slope=slope)
    drawn = world.drawn()
    assert drawn.auc(drawn.by(BaseJoint).scores) == pytest.approx(world.fitted, abs=near)


def fitted(features, labels, strength):
    """Weights and intercept of a logistic regression, by a general optimiser."""
    signs = 2 * labels - 1

    def loss(weights):
        margins = signs * (features @ weights[:-1] + weights[-1])
        return strength * np.logaddexp(0, -margins).sum() + weights[:-1] @ weights[:-1] / 2

    return minimize(loss, np.zeros(features.shape[1] + 1), method="BFGS", options={"gtol": 1e-8}).x


@pytest.mark.parametrize("effect", [0.0, 0.1, 0.3])
def test_it_is_the_logistic_regression_of_another_optimiser(effect):
    drawn = Difficulty(effect=effect, columns=2, learned=150, tested=50).drawn(seed=6)
    features, learning = np.hstack([drawn.target, drawn.base]), drawn.learning
    train, val, labels = list(learning.train), list(learning.val), learning.labels
    scaled = (features - features[train].mean(0)) / features[train].std(0)
    others = [fitted(scaled[train], labels[train], strength) for strength in STRENGTHS]
    odds = [scaled @ weights[:-1] + weights[-1] for weights in others]
    losses = [log_loss(labels[val], 1 / (1 + np.exp(-one[val]))) for one in odds]
    found, strength = learned_head(features, learning)
    assert strength == STRENGTHS[int(np.argmin(losses))]
    np.testing.assert_allclose(found, odds[int(np.argmin(losses))], rtol=1e-3, atol=1e-4)
    assert drawn.by(BaseJoint).setting == f"C = {strength:g}"


def test_members_and_others_exchanged_give_the_opposite_scores():
    drawn = Difficulty(columns=3, learned=300, tested=100).drawn()
    learning = drawn.learning
    exchanged = Learning(1 - learning.labels, learning.train, learning.val)
    found = calibrated(BaseJoint, drawn.target, drawn.base, exchanged)
    np.testing.assert_allclose(found.scores, -drawn.by(BaseJoint).scores, rtol=1e-6, atol=1e-8)


def test_val_chooses_and_is_not_learned_from():
    drawn = Difficulty(columns=3, learned=300, tested=100).drawn()
    labels = drawn.learning.labels.copy()
    labels[drawn.learning.val] = 1 - labels[drawn.learning.val]
    _, strength = learned_head(drawn.target, drawn.learning)
    _, misled = learned_head(drawn.target, Learning(labels, drawn.learning.train, drawn.learning.val))
    assert misled == min(STRENGTHS) < strength


def test_the_base_alone_is_at_chance_where_only_the_target_learned(near):
    drawn = Difficulty(columns=4).drawn()
    (scores,) = base_alone(drawn.base, drawn.learning).scores
    assert abs(drawn.auc(scores) - 0.5) < near


def test_the_base_alone_reads_what_tells_the_sides_apart_without_the_target(near):
    world = Difficulty(columns=1)
    drawn = world.drawn()
    base = drawn.base + 0.5 * drawn.learning.labels[:, None]
    found = base_alone(base, drawn.learning)
    assert found.learner is None  # a straight line is what a logistic regression finds best
    assert drawn.auc(found.scores[0]) == pytest.approx(norm.cdf(0.5 / np.sqrt(2 * (1 + world.noise**2))), abs=near)


def test_the_control_is_learned_by_trees_where_these_are_stronger():
    drawn = Difficulty(learned=1000, tested=500).drawn()
    base = np.where(drawn.learning.labels == 1, np.sign(drawn.base[:, 0]) * 2, drawn.base[:, 0] / 10)[:, None]
    found = base_alone(base, drawn.learning)
    assert found.learner == "gradient boosting"
    assert drawn.auc(found.scores[0]) > 0.99


def test_a_base_that_says_the_same_of_all_is_a_control_that_tells_nothing():
    drawn = Difficulty(learned=100, tested=50).drawn()
    (scores,) = base_alone(np.ones_like(drawn.base), drawn.learning).scores
    assert np.ptp(scores) == 0


def test_a_base_that_is_not_finite_is_refused():
    drawn = Difficulty(learned=100, tested=50).drawn()
    with pytest.raises(HeadError, match="The control of the base needs finite statistics"):
        base_alone(np.full_like(drawn.base, np.nan), drawn.learning)
