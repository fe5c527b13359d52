"""Gaps of losses: against Welch's interval and a jackknife, a planted leak, and how often the interval holds a null."""

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import roc_auc_score

from lit_mia.errors import MetricError
from lit_mia.metrics.intervals import auc_estimate
from lit_mia.metrics.loss_gap import leak, loss_gaps


def sides(n1, n0):
    return np.repeat([1, 0], [n1, n0])


def draw(rng, groups, share):
    """Skewed losses of which `share` of the variance belongs to the group."""
    of_group = rng.normal(size=groups.max() + 1)[groups]
    return np.exp(np.sqrt(share) * of_group + np.sqrt(1 - share) * rng.normal(size=len(groups)))


def test_without_groups_the_gap_has_welchs_interval():
    rng = np.random.default_rng(0)
    losses, members = rng.gamma(2, size=(100, 3)) * [0.01, 1, 100], sides(40, 60)

    for found, column in zip(loss_gaps(losses, members), losses.T, strict=True):
        welch = stats.ttest_ind(column[40:], column[:40], equal_var=False).confidence_interval()
        assert found == pytest.approx((column[40:].mean() - column[:40].mean(), welch.low, welch.high))


def test_groups_of_one_size_are_as_good_as_their_means():
    rng = np.random.default_rng(1)
    groups, members = np.arange(150) // 3, sides(60, 90)
    losses = draw(rng, groups, 0.5)

    (found,) = loss_gaps(losses[:, None], members, groups)

    means = losses.reshape(50, 3).mean(axis=1)
    welch = stats.ttest_ind(means[20:], means[:20], equal_var=False).confidence_interval()
    assert found == pytest.approx((means[20:].mean() - means[:20].mean(), welch.low, welch.high))


@pytest.mark.parametrize("mixed", [False, True])
def test_groups_of_all_sizes_vary_as_a_jackknife_over_groups_says(mixed):
    rng = np.random.default_rng(2)
    groups = np.sort(rng.integers(0, 120, size=400))
    members = rng.integers(0, 2, size=400) if mixed else (groups % 2)
    losses = draw(rng, groups, 0.7)

    (found,) = loss_gaps(losses[:, None], members, groups)

    names = np.unique(groups)
    left_out = np.array([gap_of(losses[groups != g], members[groups != g]) for g in names])
    se = np.sqrt((len(names) - 1) * left_out.var())
    assert found.value == pytest.approx(gap_of(losses, members))
    assert found.hi - found.value == pytest.approx(found.value - found.lo)
    assert found.hi - found.value == pytest.approx(1.98 * se, rel=0.05)


def gap_of(losses, members):
    return losses[members == 0].mean() - losses[members == 1].mean()


@pytest.mark.parametrize("share", [0.0, 0.7])
def test_the_interval_holds_a_gap_of_nothing_in_95_of_100_trainings(share):
    rng = np.random.default_rng(3)
    groups = np.arange(600) // 3
    members = sides(300, 300)

    found = [loss_gaps(draw(rng, groups, share)[:, None], members, groups)[0] for _ in range(1000)]

    held = np.mean([gap.lo <= 0 <= gap.hi for gap in found])
    assert held == pytest.approx(0.95, abs=0.02)


def test_a_planted_leak_is_found_and_one_probe_that_shouts_does_not_hide_it():
    rng = np.random.default_rng(4)
    members = sides(256, 256)
    quiet = rng.normal(size=512) * 0.01 + 0.02 - 0.01 * members
    loud = rng.normal(size=512) * 10 + 50

    found = leak(np.column_stack([quiet, loud]), members)

    assert found.gaps[0].lo > 0.005
    assert found.gaps[1].lo < 0 < found.gaps[1].hi
    scores = -stats.zscore(quiet) - stats.zscore(loud)
    assert found.auc.auc == pytest.approx(roc_auc_score(members, scores))
    assert found.auc == pytest.approx(auc_estimate(scores, members))
    assert found.auc.lo > 0.6 > roc_auc_score(members, -quiet - loud)


def test_the_overall_gap_is_that_of_the_mean_and_members_are_those_with_lower_losses():
    rng = np.random.default_rng(5)
    members, losses = sides(30, 30), rng.normal(size=(60, 4))

    found = leak(losses - members[:, None], members)

    assert found.gap.value == pytest.approx(np.mean([gap.value for gap in found.gaps]))
    assert found.gap.value > 0.5
    assert leak(-losses + members[:, None], members).auc.auc == pytest.approx(1 - found.auc.auc)


def test_what_cannot_be_said_is_not_said():
    same = leak(np.zeros((40, 2)), sides(20, 20))
    assert same.gap == (0, None, None)
    assert same.auc[:3] == (0.5, None, None)
    losses = np.random.default_rng(6).normal(size=(40, 1))
    few = leak(losses, sides(20, 20), np.arange(40) // 3)
    assert few.gap[1:] == (None, None)
    with pytest.raises(MetricError, match="at least two groups"):
        leak(losses, sides(20, 20), np.arange(40) // 20)
    with pytest.raises(MetricError, match="finite"):
        leak(np.full((4, 1), np.nan), sides(2, 2))
