"""Copies of both halves: counts by hand, Fisher's test by its definition, planted copiers and coins tossed anew."""

from math import comb

import numpy as np
import pytest

from lit_mia.errors import MetricError
from lit_mia.metrics.copying.distances import tiled_distances
from lit_mia.metrics.copying.excess import excess_of
from lit_mia.metrics.copying.top_run import top_run
from lit_mia.metrics.rates import clopper_pearson, rate_of


def of_counts(k1, n1, k0, n0):
    copied = np.arange(n1 + n0) < k1
    copied[n1 : n1 + k0] = True
    return copied, np.repeat([1, 0], [n1, n0])


@pytest.mark.parametrize(
    "counts", [(0, 5, 0, 7), (3, 10, 0, 10), (5, 5, 0, 3), (2, 30, 4, 20), (7, 7, 4, 4), (9, 90, 1, 60)]
)
def test_p_is_the_share_of_all_tables_with_as_many_copied_members(counts):
    k1, n1, k0, n0 = counts
    tables = sum(comb(n1, k) * comb(n0, k1 + k0 - k) for k in range(k1, min(n1, k1 + k0) + 1))

    found = excess_of(*of_counts(*counts))

    assert found.p == pytest.approx(tables / comb(n1 + n0, k1 + k0))
    for half, k, n in ((found.members, k1, n1), (found.nonmembers, k0, n0)):
        assert half == (k, n, (k / n, clopper_pearson(k / n * n, n)), k, n)


def test_a_group_is_copied_if_any_of_its_records_is():
    groups = np.array(["a", "a", "b", "c", "c", "c", "d", "e", "e"])
    labels = np.array([1, 1, 1, 0, 0, 0, 0, 1, 0])
    copied = np.array([1, 1, 0, 0, 1, 0, 0, 1, 0], dtype=bool)

    found = excess_of(copied, labels, groups)

    assert found.members[:2] + found.members[3:] == (3, 4, 2, 3)
    assert found.nonmembers[:2] + found.nonmembers[3:] == (1, 5, 1, 3)
    assert found.members.rate == rate_of(copied[labels == 1], groups[labels == 1])
    assert found.p == pytest.approx((comb(3, 2) * 3 + 1) / comb(6, 3))


def test_groups_of_both_labels_find_no_excess_though_members_are_more():
    """Near-duplicates of which one in ten fell on both sides, and three in four are members."""
    rng, groups, found = np.random.default_rng(3), np.repeat(np.arange(100), 4), []
    for _ in range(300):
        scores = rng.normal(size=100)[groups] + 0.3 * rng.normal(size=400)
        torn, labels = (rng.random(100) < 0.1)[groups], (rng.random(100) < 0.75)[groups]
        labels = np.where(torn, rng.random(400) < 0.75, labels)
        found.append((excess_of(scores > 1.3, labels, groups).p, top_run(scores, labels, groups).p))

    assert np.all(np.mean(np.array(found) <= 0.05, axis=0) <= 0.09)


@pytest.mark.parametrize("measure", [excess_of, top_run])
def test_both_halves_are_needed_and_every_record_has_its_group(measure):
    with pytest.raises(MetricError, match="members and non-members"):
        measure([True, False], [1, 1])
    with pytest.raises(MetricError, match="one group name"):
        measure([True, False, True], [1, 0, 1], ["a", "b"])
    with pytest.raises(MetricError, match="must be finite"):
        measure([0.0, np.nan, 1.0], [1, 0, 1])


def reproductions(rng, known, chance):
    """Of each image a noisy copy with its chance, else noise."""
    copies = np.clip(known + rng.normal(0, 8, known.shape), 0, 255).astype(np.uint8)
    noise = rng.integers(0, 256, known.shape, dtype=np.uint8)
    return np.where((rng.random(len(known)) < chance)[:, None, None, None], copies, noise)


def test_a_planted_copier_is_found_and_the_interval_covers_its_rate():
    rng, n = np.random.default_rng(0), 40
    known, labels = rng.integers(0, 256, (2 * n, 3, 8, 8), dtype=np.uint8), np.repeat([1, 0], n)
    chance = np.where(labels == 1, rng.beta(1, 3, 2 * n), 0)
    truth, rates, covered, found, ranked = chance[:n].mean(), [], [], [], []
    for _ in range(200):
        to_all = tiled_distances(reproductions(rng, known, chance), known, tiles=2)
        copied = (np.diagonal(to_all) < 0.15) & (to_all.argmin(axis=1) == np.arange(2 * n))
        excess, run = excess_of(copied, labels), top_run(-np.diagonal(to_all), labels)
        assert excess.nonmembers.copied == 0
        rates.append(excess.members.rate.value)
        covered.append(excess.members.rate.ci.lo <= truth <= excess.members.rate.ci.hi)
        found.append(excess.p <= 0.05)
        ranked.append(run.p <= 0.05)

    assert np.mean(rates) == pytest.approx(truth, abs=0.01)
    assert np.mean(covered) >= 0.93
    assert np.mean(found) >= 0.9
    assert np.mean(ranked) >= 0.9


SIZES = {
    "records": np.ones(60, dtype=int),
    "groups": np.random.default_rng(0).choice([1, 1, 1, 2, 5, 12], size=60),
}


@pytest.mark.parametrize("share", [0.5, 0.75])
@pytest.mark.parametrize("sizes", SIZES)
def test_under_a_coin_small_p_values_are_as_rare_as_they_say(sizes, share):
    rng, groups = np.random.default_rng(1), np.repeat(np.arange(60), SIZES[sizes])
    scores = rng.normal(size=60)[groups] + 0.3 * rng.normal(size=len(groups))
    copied, draws = scores > 0.9, 800
    p = []
    for _ in range(draws):
        labels = (rng.permutation(60) < 60 * share)[groups].astype(int)
        p.append((excess_of(copied, labels, groups).p, top_run(scores, labels, groups).p))

    for level in (0.05, 0.2):
        at_most = level + 3 * np.sqrt(level * (1 - level) / draws)
        assert np.all(np.mean(np.array(p) <= level, axis=0) <= at_most)


def test_records_of_groups_as_the_unit_would_find_what_is_not_there():
    rng, groups = np.random.default_rng(2), np.repeat(np.arange(40), 5)
    copied, found = (rng.random(40) < 0.3)[groups], []
    for _ in range(300):
        labels = (rng.permutation(40) < 20)[groups].astype(int)
        found.append((excess_of(copied, labels).p <= 0.05, excess_of(copied, labels, groups).p <= 0.05))

    by_records, by_groups = np.mean(found, axis=0)
    assert by_records > 0.15
    assert by_groups <= 0.09
