import itertools

import numpy as np
import pytest
from scipy.stats import ks_2samp, mannwhitneyu, norm, rankdata
from sklearn.metrics import roc_auc_score

from lit_mia.errors import MetricError
from lit_mia.metrics.auc import auc, null_se
from lit_mia.metrics.covariance import aucs
from lit_mia.metrics.permutation import max_auc_null, own_tests


def clustered(rng, groups, heads=3, share=0.7):
    """Useless scores `[heads, n]`, of which `share` of the variance belongs to the group."""
    of_group = rng.normal(size=(heads, groups.max() + 1))[:, groups]
    return np.sqrt(share) * of_group + np.sqrt(1 - share) * rng.normal(size=(heads, len(groups)))


def studentised(scores, labels, groups):
    """Difference of the mean ranks in its standard errors, group by group."""
    ranks, means, variances = rankdata(scores), [], []
    for side in (1, 0):
        mean, names = ranks[labels == side].mean(), np.unique(groups[labels == side])
        sums = [(ranks[groups == name] - mean).sum() for name in names]
        means.append(mean)
        variances.append(np.square(sums).sum() * len(names) / (len(names) - 1) / np.sum(labels == side) ** 2)
    return (means[0] - means[1]) / np.sqrt(np.sum(variances))


def of_all_permutations(scores, groups, members):
    """The statistic of every choice of `members` groups, `[choices]`; the first is that of the first groups."""
    chosen = itertools.combinations(range(groups.max() + 1), members)
    return np.array([studentised(scores, np.isin(groups, names).astype(int), groups) for names in chosen])


@pytest.mark.parametrize("sizes", [[1] * 9, [1, 4, 2, 3, 5, 2, 2], [7, 1, 1, 3, 3, 1]], ids=["records", "7", "6"])
def test_few_groups_have_the_p_values_of_all_permutations_of_group_labels(sizes):
    rng, groups = np.random.default_rng(2), np.repeat(np.arange(len(sizes)), sizes)
    labels, scores = (groups < 3).astype(int), np.round(clustered(rng, groups, heads=1)[0], 1)

    found = own_tests([scores], labels, groups, draws=40_000)

    null = of_all_permutations(scores, groups, members=3)
    above, below = np.mean(null >= null[0] - 1e-9), np.mean(null <= null[0] + 1e-9)
    assert found.above[0] == pytest.approx(above, abs=0.01)
    assert found.two_sided[0] == pytest.approx(min(1, 2 * min(above, below)), abs=0.015)
    assert found.adjusted == pytest.approx(found.above)


def test_under_a_coin_every_p_value_is_as_frequent_as_it_says_whatever_the_sizes():
    groups = np.repeat(np.arange(6), [1, 9, 2, 4, 1, 6])
    scores = clustered(np.random.default_rng(3), groups, heads=1)
    labellings = [np.isin(groups, chosen) for chosen in itertools.combinations(range(6), 3)]

    p = np.sort([own_tests(scores, labels, groups, draws=9999).above[0] for labels in labellings])

    assert p == pytest.approx(np.arange(1, 21) / 20, abs=0.02)


def test_many_records_have_the_p_values_of_mann_whitney():
    rng = np.random.default_rng(1)
    labels = np.repeat([1, 0], [200, 200])
    scores = np.round(rng.normal(size=400) + 0.2 * labels, 1)

    found = own_tests([scores, -scores], labels)

    for row, above in zip((scores, -scores), found.above, strict=True):
        halves = row[labels == 1], row[labels == 0]
        expected = mannwhitneyu(*halves, alternative="greater", method="asymptotic", use_continuity=False)
        assert norm.isf(above) == pytest.approx(norm.isf(expected.pvalue) * np.sqrt(400 / 399))
    assert found.two_sided == pytest.approx([2 * found.above[0]] * 2)


def test_many_groups_of_unequal_sizes_have_the_p_values_of_their_interval():
    rng = np.random.default_rng(13)
    groups = np.repeat(np.arange(200), [1] * 80 + [4] * 120)
    labels = (groups < 80).astype(int)
    score = clustered(rng, groups, heads=1)[0] + 0.3 * labels

    found = own_tests([score], labels, groups)

    measured = aucs([score], labels, groups)
    z = (measured.values[0] - 0.5) / np.sqrt(measured.covariance[0, 0])
    assert norm.isf(found.above[0]) == pytest.approx(z, rel=0.05)


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


def sides(members, nonmembers, spread=1.0, shift=0.0):
    """Useless scores, unless there is a shift, of `members` and `nonmembers` groups of these sizes."""
    sizes = members + nonmembers
    groups = np.repeat(np.arange(len(sizes)), sizes)
    labels = (groups < len(members)).astype(int)

    def make(rng):
        scores = clustered(rng, groups, share=0.0 if max(sizes) == 1 else 0.9)
        return np.where(labels, spread, 1) * scores + shift * labels, labels, groups

    return make


@pytest.mark.parametrize(
    "make",
    [
        sides([20] * 12, [1] * 200),
        sides([1] * 200, [20] * 12),
        sides([1] * 60, [5] * 60),
        sides([1, 1, 2, 3, 5, 9] * 3, [4] * 20),
        sides([1] * 40, [1] * 160, spread=2.0),
    ],
    ids=["large members", "large others", "many", "both", "spreads"],
)
def test_a_null_score_is_seldom_called_significant_where_the_sides_differ_in_sizes_or_spread(make):
    """One-sided, two-sided and jointly; with plain AUCs 19 %, 31 % and 31 % of the first shape are."""
    found = []
    for run in range(200):
        p = own_tests(*make(np.random.default_rng([run, 6])), draws=199, seed=run)
        found.append((p.above[0] <= 0.05, p.two_sided[0] <= 0.05, p.adjusted.min() <= 0.05))
    assert (np.mean(found, axis=0) <= 0.09).all()


def test_a_signal_is_found_where_the_groups_of_nonmembers_are_larger():
    """With plain AUCs in 22 %."""
    make = sides([1] * 60, [5] * 60, shift=0.5)
    found = [own_tests(*make(np.random.default_rng([run, 7])), draws=199).above[0] <= 0.05 for run in range(200)]
    assert np.mean(found) > 0.7


def test_groups_that_do_not_differ_within_the_sides_have_p_values_too():
    labels = np.repeat([1, 0], [3, 4])

    apart, alike = own_tests([labels], labels, draws=9999), own_tests([1 - labels], labels, draws=9999)
    alone = own_tests([[2.0, 1, 3, 0, 1]], [1, 0, 0, 0, 0], draws=9999)

    assert apart.above[0] == pytest.approx(1 / 35, abs=0.01)
    assert (alike.above[0], alike.two_sided[0]) == (1, pytest.approx(2 / 35, abs=0.02))
    assert alone.above[0] == pytest.approx(2 / 5, abs=0.02)


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


@pytest.mark.parametrize("label", [1, 0], ids=["members", "others"])
def test_of_a_few_groups_among_many_all_permutations_are_drawn(label, monkeypatch):
    rng, groups = np.random.default_rng(14), np.repeat(np.arange(600), [1] * 300 + [3] * 300)
    labels = np.where(groups % 50 == 0, label, 1 - label)
    scores = clustered(rng, groups) + 0.3 * labels
    whole = own_tests(scores, labels, groups)
    monkeypatch.setattr("lit_mia.metrics.permutation.MOST_RESAMPLED", 100)

    few = own_tests(scores, labels, groups)

    assert few.above.tolist() != whole.above.tolist()
    np.testing.assert_allclose(few, whole, atol=0.025)


def test_unusable_input_is_refused():
    labels = [1, 0, 1]
    for scores, draws in (([1, 2, 3], 10), ([[1, 2]], 10), ([[1, 2, np.nan]], 10), ([[1, 2, 3]], 0), ([], 10)):
        for test in (own_tests, max_auc_null):
            with pytest.raises(MetricError):
                test(scores, labels, draws=draws)
    with pytest.raises(MetricError, match="group name"):
        own_tests([[1, 2, 3]], labels, ["a", "b"])
