"""Whether a shift that is read 1.5 times better would explain an attack."""

import numpy as np
import pytest
from scipy import stats
from scipy.special import expit, logit, ndtri

from lit_mia.metrics.covariance import Aucs, aucs
from lit_mia.metrics.shift import MOST, SHIFT, p_beyond, ratio_bound

LABELS = np.repeat([1, 0], [181, 356])


def pair(attack, control, rng, shared=0.5):
    """Scores of an attack and a control with given AUCs, and their covariance."""
    common = rng.normal(size=len(LABELS))
    noise = rng.normal(size=(2, len(LABELS)))
    means = np.sqrt(2) * ndtri([attack, control])[:, None]
    return aucs(np.sqrt(shared) * common + np.sqrt(1 - shared) * noise + means * LABELS, LABELS)


def p(both, factor=SHIFT, mirrored=False):
    return float(p_beyond(*both.values, both, factor=factor, mirrored=mirrored))


def test_p_is_the_delta_method_written_out():
    both = pair(0.7, 0.6, np.random.default_rng(0))
    (a, c), v = both.values, both.covariance
    gradient = np.array([1 / (a * (1 - a)), -SHIFT / (c * (1 - c))])
    t = (logit(a) - SHIFT * logit(c)) / np.sqrt(gradient @ v @ gradient)
    assert p(both) == pytest.approx(stats.t.sf(t, 180))
    turned = np.array([[v[0, 0], -v[0, 1]], [-v[0, 1], v[1, 1]]])
    other = Aucs(np.array([a, 1 - c]), turned, 181, 356)
    assert p(both, mirrored=True) == pytest.approx(p(other))


@pytest.mark.parametrize("control", [0.5, 0.6, 0.72])
def test_a_shift_read_exactly_so_much_better_is_refused_in_five_percent(control):
    rng = np.random.default_rng(1)
    attack = expit(SHIFT * logit(control))
    refused = np.mean([p(pair(attack, control, rng)) <= 0.05 for _ in range(400)])
    assert 0.02 < refused < 0.085  # 400 repetitions of 5 %: 1.1 % standard deviation


def test_the_bound_is_where_p_is_five_percent():
    both = pair(0.8, 0.6, np.random.default_rng(2))
    bound = ratio_bound(both)
    assert 1 < bound < logit(both.values[0]) / logit(both.values[1])
    assert p(both, factor=bound) == pytest.approx(0.05, abs=0.003)


def test_an_attack_that_is_not_above_half_has_the_bound_zero_and_one_over_an_inverted_control_the_largest():
    rng = np.random.default_rng(3)
    assert ratio_bound(pair(0.45, 0.5, rng)) == 0
    inverted = pair(0.8, 0.3, rng)
    assert ratio_bound(inverted) == MOST
    assert ratio_bound(inverted, mirrored=True) < 3


def test_perfect_separation_is_beyond_a_useless_control_and_not_beyond_another_perfect_one():
    rng = np.random.default_rng(4)
    perfect, noise = LABELS + 0.01 * rng.normal(size=len(LABELS)), rng.normal(size=len(LABELS))
    useless, twice = aucs([perfect, noise], LABELS), aucs([perfect, 2 * perfect], LABELS)
    assert p(useless) < 1e-6
    assert ratio_bound(useless) > 5
    assert p(twice) >= 0.5
    assert p(twice, factor=1) == pytest.approx(0.5)
    constant = aucs([perfect, np.zeros(len(LABELS))], LABELS)
    assert p(constant) == 0
    assert ratio_bound(constant) == MOST


def test_near_one_a_better_attack_is_still_told_from_a_good_control():
    rng = np.random.default_rng(5)
    assert p(pair(0.998, 0.85, rng)) < 0.01
    assert p(pair(0.97, 0.95, rng)) > 0.05


def test_a_control_of_the_attack_itself_is_never_beaten():
    scores = np.random.default_rng(6).normal(size=len(LABELS)) + LABELS
    both = aucs([scores, scores], LABELS)
    assert p(both, factor=1) == 0.5
    assert p(both) > 0.5
