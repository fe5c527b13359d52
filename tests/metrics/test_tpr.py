import numpy as np
import pytest
from scipy import stats

from lit_mia.errors import MetricError
from lit_mia.metrics.roc import roc_curve
from lit_mia.metrics.threshold import floor_reason, operating_point, tpr_at_fpr


def sample(seed, n1=150, n0=200, shift=1.0, decimals=2):
    rng = np.random.default_rng(seed)
    labels = np.repeat([1, 0], [n1, n0])
    return np.round(rng.normal(size=n1 + n0) + shift * labels, decimals), labels


@pytest.mark.parametrize("fpr", [0.05, 0.07, 0.1, 0.33, 0.999])
@pytest.mark.parametrize("decimals", [0, 1, 9])
def test_is_the_last_point_of_the_curve_within_the_target(fpr, decimals):
    scores, labels = sample(0, decimals=decimals)
    curve = roc_curve(scores, labels)
    last = np.flatnonzero(curve.fpr <= fpr)[-1]

    assert operating_point(scores, labels, fpr) == pytest.approx((curve.tpr[last], curve.fpr[last]))


def test_a_target_met_exactly_counts():
    labels = np.repeat([1, 0], [2, 100])
    scores = np.concatenate([[89.5, 88.5], np.arange(100)])  # ten non-members lie above 89.5

    assert operating_point(scores, labels, 0.1) == (0.5, 0.1)
    assert operating_point(scores, labels, 1 - 0.9) == (0.5, 0.1)  # 1 - 0.9 is a little less than 0.1


def test_ties_are_never_split():
    labels = np.repeat([1, 0], [4, 20])
    scores = np.concatenate([[9, 9, 5, 5], np.repeat([5, 1], [4, 16])])

    assert operating_point(scores, labels, 0.19) == (0.5, 0.0)
    assert operating_point(scores, labels, 0.2) == (1.0, 0.2)


def test_value_interval_and_achieved_rate():
    scores, labels = sample(2)

    result = tpr_at_fpr(scores, labels, 0.1)

    assert (result.tpr, result.achieved_fpr) == operating_point(scores, labels, 0.1)
    assert 0 < result.lo < result.tpr < result.hi < 1
    assert result.reason is None
    assert result == tpr_at_fpr(scores, labels, 0.1)
    assert result == tpr_at_fpr(np.exp(scores), labels, 0.1)


@pytest.mark.parametrize(("n0", "fpr", "given"), [(100, 0.1, True), (99, 0.1, False), (1000, 0.01, True)])
def test_floor_of_ten_false_positives(n0, fpr, given):
    scores, labels = sample(3, 30, n0)

    result = tpr_at_fpr(scores, labels, fpr)

    assert (result.tpr is not None) == given
    assert (floor_reason(n0, fpr) is None) == given


def test_below_the_floor_everything_is_null_and_the_floor_is_named():
    scores, labels = sample(4, 30, 250)

    result = tpr_at_fpr(scores, labels, 0.01)

    assert (result.tpr, result.lo, result.hi, result.achieved_fpr) == (None, None, None, None)
    assert "at least 1000 non-members" in result.reason
    assert "10/n0 = 0.04" in result.reason


def test_groups_widen_the_interval():
    rng = np.random.default_rng(5)
    groups = np.repeat(np.arange(60), 6)
    labels = np.repeat([1, 0], 180)
    scores = rng.normal(size=60)[groups] + labels

    single, grouped = tpr_at_fpr(scores, labels, 0.1), tpr_at_fpr(scores, labels, 0.1, groups)

    assert grouped.tpr == single.tpr
    assert grouped.hi - grouped.lo > 1.5 * (single.hi - single.lo)


def test_a_perfect_attack_keeps_an_honest_lower_end():
    labels = np.repeat([1, 0], [20, 100])

    result = tpr_at_fpr(labels, labels, 0.1, groups=np.arange(120) // 2)

    assert (result.tpr, result.hi) == (1, 1)
    assert result.lo == pytest.approx(stats.binomtest(10, 10).proportion_ci().low)


def by_hand(scores, labels, fpr):
    """The interval written out for records: Clopper-Pearson's at the cut-off, and the cut-offs at its ends."""
    members, outside = scores[labels == 1], np.sort(scores[labels == 0])
    n1, n0 = len(members), len(outside)
    cuts = [outside[n0 - 1 - int(rate * n0)] for rate in (fpr, *exact(fpr * n0, n0))]
    tpr, low, high = (np.mean(members > cut) for cut in cuts)
    lo, hi = exact(tpr * n1, n1)
    return tpr - np.sqrt((tpr - lo) ** 2 + (tpr - low) ** 2), tpr + np.sqrt((hi - tpr) ** 2 + (high - tpr) ** 2)


def exact(k, n):
    return stats.binomtest(round(k), n).proportion_ci(method="exact")


@pytest.mark.parametrize("fpr", [0.1, 0.2])
def test_interval_equals_the_one_by_hand(fpr):
    scores, labels = sample(8, decimals=9)

    result = tpr_at_fpr(scores, labels, fpr)

    assert (result.lo, result.hi) == pytest.approx(by_hand(scores, labels, fpr))


@pytest.mark.parametrize(("size", "share"), [(1, 0.0), (5, 0.5), (5, 0.9)])
def test_interval_covers_with_the_group_as_the_unit(size, share):
    rng = np.random.default_rng(6)
    groups = np.repeat(np.arange(108), size)
    labels = (groups < 36).astype(int)
    truth = stats.norm.sf(stats.norm.isf(0.15) - 1)
    covered = 0
    for _ in range(200):
        noise = np.sqrt(share) * rng.normal(size=108)[groups] + np.sqrt(1 - share) * rng.normal(size=len(groups))
        result = tpr_at_fpr(noise + labels, labels, 0.15, groups)
        covered += result.lo <= truth <= result.hi
    assert covered / 200 >= 0.91


def test_targets_out_of_range_are_refused():
    scores, labels = sample(7)
    with pytest.raises(MetricError, match="`fpr`"):
        tpr_at_fpr(scores, labels, 5.0)
    with pytest.raises(MetricError, match="`fpr`"):
        operating_point(scores, labels, 0.0)
