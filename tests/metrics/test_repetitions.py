"""The mean AUC of repetitions: against scikit-learn on resamples that are drawn by hand."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from lit_mia.metrics.bootstrap import REPLICATES, SEED, auc_difference, auc_estimate, mean_auc, mean_auc_difference
from lit_mia.metrics.resampling import group_resamples

N = 60
LABELS = np.arange(N) // 2 % 2
PAIRS = np.array([f"g{row // 2}" for row in range(N)])
SINGLE = np.array([f"g{row}" for row in range(N)])
RNG = np.random.default_rng(0)
STRONG = RNG.normal(size=(3, N)) + 1.2 * LABELS
WEAK = RNG.normal(size=(2, N)) + 0.3 * LABELS


def by_hand(scores, groups):
    """Mean AUC on each resample, from all comparisons of a member with a non-member."""
    weights = group_resamples(LABELS, groups, REPLICATES, np.random.default_rng(SEED))
    members, others = weights[:, LABELS == 1], weights[:, LABELS == 0]
    wins = [np.sign(s[LABELS == 1][:, None] - s[LABELS == 0][None]) / 2 + 0.5 for s in scores]
    pairs = members.sum(axis=1) * others.sum(axis=1)
    return np.mean([np.einsum("ri,ij,rj->r", members, win, others, optimize=True) / pairs for win in wins], axis=0)


def by_scikit_learn(scores):
    return np.mean([roc_auc_score(LABELS, s) for s in scores])


@pytest.mark.parametrize("groups", [PAIRS, SINGLE], ids=["pairs", "single"])
def test_the_mean_and_its_interval_are_those_of_a_bootstrap_by_hand(groups):
    estimate = mean_auc(STRONG, LABELS, groups)
    assert estimate.auc == pytest.approx(by_scikit_learn(STRONG), abs=1e-12)
    expected = np.quantile(by_hand(STRONG, groups), [0.025, 0.975])
    assert (estimate.lo, estimate.hi) == pytest.approx(expected, abs=1e-12)


def test_a_difference_is_taken_on_the_same_resamples():
    difference = mean_auc_difference(STRONG, WEAK, LABELS, PAIRS)
    drawn = by_hand(STRONG, PAIRS) - by_hand(WEAK, PAIRS)
    assert difference.delta == pytest.approx(by_scikit_learn(STRONG) - by_scikit_learn(WEAK), abs=1e-12)
    assert (difference.lo, difference.hi) == pytest.approx(np.quantile(drawn, [0.025, 0.975]), abs=1e-12)
    assert difference.se == pytest.approx(drawn.std(ddof=1))


@pytest.mark.parametrize("groups", [PAIRS, SINGLE], ids=["pairs", "single"])
def test_one_repetition_has_the_interval_of_an_audit(groups):
    assert mean_auc(STRONG[:1], LABELS, groups) == auc_estimate(STRONG[0], LABELS, groups)
    expected = auc_difference(STRONG[0], WEAK[0], LABELS, groups)
    assert mean_auc_difference(STRONG[:1], WEAK[:1], LABELS, groups) == expected


def test_equal_repetitions_differ_by_nothing_and_perfect_ones_have_an_exact_bound():
    nothing = mean_auc_difference(np.stack([STRONG[0]] * 2), STRONG[:1], LABELS, PAIRS)
    assert nothing.delta == 0
    assert nothing.lo < 0 < nothing.hi
    perfect = mean_auc(np.stack([LABELS, 2.0 * LABELS]), LABELS, PAIRS)
    assert perfect.auc == perfect.hi == 1
    assert 0.7 < perfect.lo < 1
