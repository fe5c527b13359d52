import itertools

import numpy as np
import pytest
from scipy.stats import ks_2samp, mannwhitneyu, permutation_test
from sklearn.metrics import roc_auc_score

from lit_mia.errors import MetricError
from lit_mia.metrics.auc import auc, null_se
from lit_mia.metrics.permutation import max_auc_null, own_tests


def clustered(rng, groups, heads=3, share=0.7):
    """Useless scores `[heads, n]`, of which `share` of the variance belongs to the group."""
    of_group = rng.normal(size=(heads, groups.max() + 1))[:, groups]
    return np.sqrt(share) * of_group + np.sqrt(1 - share) * rng.normal(size=(heads, len(groups)))


def test_few_records_have_the_p_values_of_all_permutations():
    rng = np.random.default_rng(0)
    labels, scores = np.repeat([1, 0], [4, 5]), np.round(rng.normal(size=9), 1)

    found = own_tests([scores], labels, draws=40_000)

    def above(members, nonmembers):
        return roc_auc_score(labels, np.concatenate([members, nonmembers])) - 0.5

    def away(members, nonmembers):
        return abs(above(members, nonmembers))

    for statistic, p in ((above, found.above), (away, found.two_sided)):
        exact = permutation_test((scores[:4], scores[4:]), statistic, alternative="greater", n_resamples=np.inf)
        assert p[0] == pytest.approx(exact.pvalue, abs=0.01)
    assert found.adjusted == pytest.approx(found.above)


def test_many_records_have_the_p_values_of_mann_whitney():
    rng = np.random.default_rng(1)
    labels = np.repeat([1, 0], [150, 250])
    scores = np.round(rng.normal(size=400) + 0.2 * labels, 1)

    found = own_tests([scores, -scores], labels)

    for row, above in zip((scores, -scores), found.above, strict=True):
        halves = row[labels == 1], row[labels == 0]
        expected = mannwhitneyu(*halves, alternative="greater", method="asymptotic", use_continuity=False)
        assert above == pytest.approx(expected.pvalue)
    assert found.two_sided == pytest.approx([2 * found.above[0]] * 2)


def test_few_groups_have_the_p_values_of_all_permutations_of_group_labels():
    rng = np.random.default_rng(2)
    groups = np.repeat(np.arange(7), [1, 4, 2, 3, 5, 2, 2])
    labels, scores = (groups < 3).astype(int), clustered(rng, groups, heads=1)[0]

    found = own_tests([scores], labels, groups, draws=40_000)

    ranks = scores.argsort().argsort() - (len(scores) - 1) / 2
    sums = [ranks[np.isin(groups, chosen)].sum() for chosen in itertools.combinations(range(7), 3)]
    assert found.above[0] == pytest.approx(np.mean(sums >= ranks[labels == 1].sum()), abs=0.01)


def test_pairs_of_a_member_and_a_nonmember_change_places():
    rng = np.random.default_rng(3)
    groups, labels = np.repeat(np.arange(8), 2), np.tile([1, 0], 8)
    scores = clustered(rng, groups, heads=1, share=0.9)[0] + 0.3 * labels

    found = own_tests([scores], labels, groups, draws=40_000)

    swapped = [np.repeat(swap, 2) ^ labels for swap in itertools.product([0, 1], repeat=8)]
    aucs = np.array([roc_auc_score(row, scores) for row in swapped])
    assert found.above[0] == pytest.approx(np.mean(aucs >= roc_auc_score(labels, scores) - 1e-9), abs=0.01)


def test_the_adjusted_p_is_westfall_and_youngs_by_hand():
    rng = np.random.default_rng(4)
    labels = np.repeat([1, 0], [30, 40])
    scores = rng.normal(size=(3, 70)) + rng.normal(size=70) + np.outer([0.6, 0.0, 0.9], labels)

    found = own_tests(scores, labels, draws=4000)

    ranks = scores.argsort(axis=1).argsort(axis=1)
    null = np.array([ranks[:, rng.permutation(labels) == 1].sum(axis=1) for _ in range(4000)])
    observed, expected, largest_p = ranks[:, labels == 1].sum(axis=1), np.ones(3), 0.0
    order = np.argsort(observed)[::-1]
    for place, attack in enumerate(order):
        largest_p = max(largest_p, np.mean(null[:, order[place:]].max(axis=1) >= observed[attack]))
        expected[attack] = largest_p
    assert found.adjusted == pytest.approx(expected, abs=0.02)
    assert (found.adjusted >= found.above).all()


def rejected(make, runs=300):
    """Share of null runs in which the largest of several scores is called significant, and above its null's 95 %."""
    outcomes = []
    for run in range(runs):
        scores, labels, groups = make(np.random.default_rng([run, 5]))
        best, null = max(auc(row, labels) for row in scores), max_auc_null(scores, labels, groups, 499, seed=run)
        adjusted = own_tests(scores, labels, groups, draws=499, seed=run).adjusted
        outcomes.append((adjusted.min() <= 0.05, best > np.quantile(null, 0.95)))
    return np.mean(outcomes, axis=0)


def records(rng):
    return rng.normal(size=(3, 60)), np.repeat([1, 0], 30), None


def pure_groups(rng):
    groups = np.repeat(np.arange(24), 5)
    return clustered(rng, groups), (groups < 12).astype(int), groups


def mixed_groups(rng):
    groups = np.repeat(np.arange(30), 6)
    labels = (rng.random(180) < rng.beta(0.3, 0.3, size=30)[groups]).astype(int)
    return clustered(rng, groups), labels, groups


@pytest.mark.parametrize("make", [records, pure_groups, mixed_groups])
def test_any_null_score_is_called_significant_in_5_percent(make):
    shares = rejected(make)

    assert (shares <= 0.085).all()
    assert (shares >= 0.02).all()


def test_groups_taken_as_records_would_be_called_significant_far_too_often():
    def forgetful(rng):
        return *mixed_groups(rng)[:2], None

    assert (rejected(forgetful, runs=100) > 0.15).all()


def test_a_planted_signal_is_found_and_a_useless_score_beside_it_is_not():
    rng = np.random.default_rng(6)
    groups = np.repeat(np.arange(60), 3)
    labels = (groups < 30).astype(int)
    scores = clustered(rng, groups, share=0.3) + np.outer([0, 1, 0], labels)

    found = own_tests(scores, labels, groups)

    assert found.adjusted[1] < 0.001
    assert min(found.adjusted[0], found.adjusted[2]) > 0.05


def test_scores_that_are_constant_have_p_1_and_cost_the_others_nothing():
    rng = np.random.default_rng(7)
    labels = np.repeat([1, 0], 20)
    score = rng.normal(size=40) + labels

    alone, beside = own_tests([score], labels), own_tests([np.zeros(40), score], labels)

    assert [p[0] for p in beside] == [1, 1, 1]
    assert [p[1] for p in beside] == [p[0] for p in alone]
    assert (max_auc_null(np.zeros((1, 40)), labels) == 0.5).all()


def test_the_null_of_the_largest_auc_has_the_spread_of_its_units():
    rng = np.random.default_rng(8)
    labels, groups = np.repeat([1, 0], [60, 90]), np.arange(150) // 5

    by_record = max_auc_null(rng.normal(size=(1, 150)), labels, draws=4000)
    by_group = max_auc_null(rng.normal(size=30)[groups][None], labels, groups, draws=4000)

    assert by_record.mean() == pytest.approx(0.5, abs=0.003)
    assert by_record.std() == pytest.approx(null_se(60, 90), rel=0.05)
    assert by_group.std() == pytest.approx(null_se(12, 18), rel=0.1)


def test_the_normal_limit_equals_permutations(monkeypatch):
    rng = np.random.default_rng(9)
    labels = np.repeat([1, 0], [150, 250])
    scores = rng.normal(size=(4, 400)) + rng.normal(size=400) + np.outer([0.1, 0.2, 0.3, 0], labels)

    limit = own_tests(scores, labels)
    monkeypatch.setattr("lit_mia.metrics.permutation.MIN_NORMAL_GROUPS", 1000)
    permuted = own_tests(scores, labels)

    for one, other in zip(limit, permuted, strict=True):
        assert one == pytest.approx(other, abs=0.015)


@pytest.mark.parametrize("sides", [(1,), (0,), (0, 1)], ids=["members", "others", "both"])
def test_of_many_groups_only_the_heavy_ones_are_resampled(sides, monkeypatch):
    rng, groups = np.random.default_rng(2), np.arange(1500)
    labels = rng.permutation(np.repeat([1, 0], [500, 1000]))
    groups[np.isin(labels, sides) & (rng.random(1500) < 0.3)] = -1  # one group that holds most of the variance
    scores = rng.normal(size=(2, 1500)) + np.where(groups < 0, 0.5 + 0.3 * labels, 0.0)
    whole = (
        np.stack([max_auc_null(row[None], labels, groups, 6000) for row in scores]),
        own_tests(scores, labels, groups),
    )
    monkeypatch.setattr("lit_mia.metrics.permutation.MOST_RESAMPLED", 100)
    fast = (
        np.stack([max_auc_null(row[None], labels, groups, 6000) for row in scores]),
        own_tests(scores, labels, groups),
    )
    assert not np.array_equal(whole[0], fast[0])
    assert min(ks_2samp(one, other).pvalue for one, other in zip(whole[0], fast[0], strict=True)) > 0.01
    np.testing.assert_allclose(fast[1], whole[1], atol=0.02)


def test_unusable_input_is_refused():
    labels = [1, 0, 1]
    for scores, draws in (([1, 2, 3], 10), ([[1, 2]], 10), ([[1, 2, np.nan]], 10), ([[1, 2, 3]], 0), ([], 10)):
        for test in (own_tests, max_auc_null):
            with pytest.raises(MetricError):
                test(scores, labels, draws=draws)
    with pytest.raises(MetricError, match="group name"):
        own_tests([[1, 2, 3]], labels, ["a", "b"])
