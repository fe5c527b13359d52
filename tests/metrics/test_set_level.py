"""The test of all suspected records together: its level, its power, its p against other code, and odd inputs."""

import itertools

import numpy as np
import pytest
from scipy.special import ndtri
from scipy.stats import permutation_test, rankdata

from lit_mia.errors import MetricError
from lit_mia.metrics.set_level import LEVEL, SetTest, false_rejections, set_tests, sides_of

LABELS = np.repeat([1, 0], [40, 80])


def drawn(rng, labels=LABELS, shift=(0.0,) * 5, groups=None):
    """Scores of attacks that share half of their variance; in groups most of it belongs to the group."""
    groups = np.arange(len(labels)) if groups is None else groups
    of_group = rng.normal(size=(len(shift), groups.max() + 1))[:, groups] + rng.normal(size=groups.max() + 1)[groups]
    noise = 0.4 * rng.normal(size=(len(shift), len(labels)))
    return of_group + noise + np.array(shift)[:, None] * labels


def p_of(scores, labels=LABELS, groups=None, draws=499, **rest):
    return set_tests({"attack": scores}, labels, groups, sizes=(), draws=draws, **rest)["attack"].p


def rejected(times, labels=LABELS, groups=None, **rest):
    rng = np.random.default_rng(0)
    return sum(
        p_of(drawn(rng, labels, groups=groups, **rest), labels, groups, draws=199) <= LEVEL for _ in range(times)
    )


def test_of_200_nulls_at_most_5_are_rejected():
    assert rejected(200) <= 5


@pytest.mark.parametrize(
    ("labels", "groups"),
    [
        (np.repeat([1, 0], [60, 150]), np.repeat(np.arange(70), 3)),
        (np.repeat([1, 0], [20, 200]), np.repeat(np.arange(60), [1] * 20 + [5] * 40)),
        (np.tile([1, 0, 0], 60), np.repeat(np.arange(20), 9)),
    ],
    ids=["groups", "large groups on one side", "groups of both sides"],
)
def test_of_200_grouped_nulls_at_most_5_are_rejected(labels, groups):
    assert rejected(200, labels, groups) <= 5


@pytest.mark.parametrize("shape", [np.exp, lambda scores: -np.exp(scores)], ids=["right", "left"])
@pytest.mark.parametrize(
    ("suspected", "known"),
    [([5] * 60, [1] * 29 + [5] * 31), ([1] * 8 + [20] * 12, [20] * 100)],
    ids=["single known ones", "few suspected ones, some of them single"],
)
def test_groups_of_unequal_sizes_whose_records_are_skewed_and_independent(suspected, known, shape):
    """A mean over more records is less spread, and of skewed scores mostly higher or lower, than one record."""
    sizes = np.array(suspected + known)
    labels, groups = np.repeat([1, 0], [sum(suspected), sum(known)]), np.repeat(np.arange(sizes.size), sizes)
    rng = np.random.default_rng(0)
    scores = (shape(1.5 * rng.normal(size=(3, labels.size))) for _ in range(100))
    assert sum(p_of(of, labels, groups, draws=199) <= LEVEL for of in scores) <= 5


def test_groups_of_sizes_that_are_alike_on_both_sides_keep_their_records():
    rng = np.random.default_rng(0)
    sizes = np.tile([1, 2, 9], 40)
    labels, groups = np.repeat(np.repeat([1, 0], 60), sizes), np.repeat(np.arange(120), sizes)
    sides = sides_of(rng.normal(size=(1, labels.size)), labels, groups)
    for side in sides:
        assert np.var(side) == pytest.approx((1 + 1 / 2 + 1 / 9) / 3, abs=0.15)  # of means over all records


def test_records_of_a_group_are_not_counted_as_many():
    """Each of 12 + 12 groups is copied 20 times: p must not become that of 240 + 240 records."""
    rng = np.random.default_rng(3)
    labels, groups = np.repeat([1, 0], 12), np.arange(24)
    scores = drawn(rng, labels, shift=(1.0, 1.0))
    copied = p_of(np.repeat(scores, 20, axis=1), np.repeat(labels, 20), np.repeat(groups, 20))
    assert copied == pytest.approx(p_of(scores, labels), abs=0.02)


def test_p_of_one_attack_is_that_of_scipy():
    scores = drawn(np.random.default_rng(1), shift=(0.45,))
    normal = ndtri((rankdata(scores[0]) - 0.5) / scores.size)

    def difference(a, b, axis):
        return np.mean(a, axis=axis) - np.mean(b, axis=axis)

    sides = normal[LABELS == 1], normal[LABELS == 0]
    reference = permutation_test(sides, difference, n_resamples=9999, alternative="greater", rng=1)
    assert p_of(scores, draws=9999) == pytest.approx(reference.pvalue, abs=0.01)


def test_p_of_several_attacks_is_that_of_all_permutations_written_out():
    """Both sums and the choice between them, one permutation after another."""
    rng = np.random.default_rng(7)
    labels = np.repeat([1, 0], [4, 6])
    scores = drawn(rng, labels, shift=(1.3, 0.2, 0.6))
    normal = ndtri((np.array([rankdata(row) for row in scores]) - 0.5) / 10)
    covariance = np.cov(normal, bias=True)

    def sums(members):
        inside = np.isin(np.arange(10), members)
        gap = normal[:, inside].mean(1) - normal[:, ~inside].mean(1)
        weights = np.linalg.inv(covariance + np.eye(3)) @ np.clip(gap, 0, None)
        deviation = np.sqrt(weights @ covariance @ weights)
        return gap.mean(), weights @ gap / deviation if deviation else 0.0

    every = np.array([sums(list(members)) for members in itertools.combinations(range(10), 4)])
    alone = np.array([[np.mean(every[:, j] >= value - 1e-9) for j, value in enumerate(row)] for row in every])
    least = alone.min(axis=1)  # the first combination is the suspected one
    assert p_of(scores, labels, draws=9999) == pytest.approx(np.mean(least <= least[0] + 1e-9), abs=0.015)


def test_planted_sets_are_found_with_the_power_that_is_printed():
    """The printed share is, on average over audits, how often a new set of that size is found."""
    rng = np.random.default_rng(4)
    shares = [
        set_tests({"a": drawn(rng, shift=(1.2, 0.5, 0.0))}, LABELS, sizes=(12,), draws=499)["a"].shares[12]
        for _ in range(40)
    ]
    new = np.repeat([1, 0], [12, 80])
    found = np.mean([p_of(drawn(rng, new, shift=(1.2, 0.5, 0.0)), new) <= LEVEL for _ in range(150)])
    assert 0.3 < found < 0.95
    assert np.mean(shares) == pytest.approx(found, abs=0.12)


def test_one_good_attack_among_many_is_found_as_well_as_many_weak_ones():
    rng = np.random.default_rng(5)
    labels = np.repeat([1, 0], 200)
    for shift in ((0.9, *(0.0,) * 9), (0.6,) * 10):
        assert p_of(drawn(rng, labels, shift=shift), labels) <= LEVEL


def test_scores_that_are_lower_for_suspected_records_speak_only_of_controls():
    rng = np.random.default_rng(6)
    scores = drawn(rng, shift=(-1.5, -1.5))
    both = set_tests({"attack": scores, "blind": scores}, LABELS, undirected=("blind",), draws=499)
    assert both["attack"].p > 0.5
    assert both["blind"].p <= LEVEL


def test_a_family_is_judged_as_it_is_alone():
    rng = np.random.default_rng(8)
    attacks, controls = drawn(rng, shift=(1.0, 0.0)), drawn(rng, shift=(0.0,))
    together = set_tests({"attack": attacks, "blind": controls}, LABELS, draws=499)
    assert together["attack"] == set_tests({"attack": attacks}, LABELS, draws=499)["attack"]


def test_the_smallest_size_is_that_from_which_on_sets_are_found():
    assert SetTest(0.001, {10: 0.2, 20: 0.85, 50: 0.9, 80: 1.0}).smallest == 20
    assert SetTest(0.001, {10: 0.82, 20: 0.79, 50: 0.9, 80: 1.0}).smallest == 50
    assert SetTest(0.2, {10: 0.9, 80: 0.0}).smallest is None


def test_non_members_against_non_members_are_rejected_as_rarely_as_stated():
    scores = drawn(np.random.default_rng(9), shift=(2.0,) * 5)
    found = false_rejections(scores, LABELS)
    assert found is not None
    assert found.ci.lo <= 0.01
    assert found.value <= 0.02
    assert false_rejections(scores[:, 37:43], LABELS[37:43]) is None


def test_constant_scores_say_nothing():
    scores = np.ones((2, len(LABELS)))
    assert p_of(scores) == 1.0
    assert false_rejections(scores, LABELS).value == 0.0
    mixed = np.stack([scores[0], drawn(np.random.default_rng(2), shift=(2.0,))[0]])
    assert p_of(mixed) <= LEVEL


def test_two_groups_a_side_are_enough_for_a_p_that_cannot_be_small():
    assert p_of(np.array([[3.0, 4.0, 1.0, 2.0]]), [1, 1, 0, 0]) > 0.1


def test_what_cannot_be_tested_is_refused():
    with pytest.raises(MetricError, match="at least 2 suspected"):
        p_of(np.array([[3.0, 1.0, 2.0]]), [1, 0, 0])
    with pytest.raises(MetricError, match="finite"):
        p_of(np.array([[3.0, np.nan, 1.0, 2.0]]), [1, 1, 0, 0])
    for wrong in ({"draws": 0}, {"sizes": (0, 5)}):
        with pytest.raises(MetricError, match="sizes of at least 1"):
            set_tests({"attack": np.zeros((1, 120))}, LABELS, **wrong)
    with pytest.raises(MetricError, match="0 families"):
        set_tests({}, LABELS)
    with pytest.raises(MetricError, match="m >= 1"):
        sides_of(np.zeros(4), [1, 1, 0, 0])
