"""Permutation tests on KID's kernel: they find what is planted, and keep their level where nothing is."""

import numpy as np
import pytest

from lit_mia.metrics.kernel_test import generated_p, sides_p

N, D = 60, 6
LABELS = np.arange(N) % 2
NAMES = np.arange(N)


def draw(seed, member_noise=1.0, shift=0.0):
    """Records, and generated images that are noisier copies of the distribution for non-members."""
    rng = np.random.default_rng(seed)
    real = rng.normal(size=(N, D)) + shift * LABELS[:, None]
    scale = np.where(LABELS == 1, member_noise, 1.0)[:, None]
    return real, rng.normal(size=(N, D)) + 1.5 * scale


def test_planted_differences_are_found():
    real, generated = draw(0, member_noise=0.0)
    assert generated_p(real, generated, LABELS, NAMES) < 0.01
    assert sides_p(draw(0, shift=1.5)[0], LABELS, NAMES) < 0.01


@pytest.mark.parametrize(
    "test", [lambda real, _: sides_p(real, LABELS, NAMES, 99), lambda *sets: generated_p(*sets, LABELS, NAMES, 99)]
)
def test_the_level_is_kept_where_nothing_differs(test):
    p = np.array([test(*draw(seed)) for seed in range(100)])
    assert np.mean(p <= 0.1) <= 0.17  # 10 expected, standard deviation 3
    assert 0.4 < p.mean() < 0.6


def test_records_of_a_group_count_once():
    groups = NAMES // 10 * 10 + LABELS  # five copies of each of twelve records
    real = np.random.default_rng(3).normal(size=(N, D))[groups % 12]
    assert sides_p(real, LABELS, groups) > sides_p(real, LABELS, NAMES)


def test_equal_distances_are_not_told_apart_by_how_widely_the_sides_spread():
    rejected, spread = [], np.where(LABELS == 1, 2.0, 1.0)[:, None]
    rows = np.flatnonzero((LABELS == 0) | (NAMES < 40))  # 20 members and 30 others
    for seed in range(150):
        rng = np.random.default_rng(seed)
        real, generated = (spread * rng.normal(size=(N, D)) for _ in range(2))
        rejected.append(generated_p(real[rows], generated[rows], LABELS[rows], NAMES[rows], 99) <= 0.05)
    assert np.mean(rejected) <= 0.09


def test_groups_on_both_sides_do_not_make_p_small():
    rejected = {"sides": 0, "generated": 0}
    for seed in range(60):
        rng = np.random.default_rng(seed)
        groups = np.repeat(np.arange(12), 5)
        labels = (rng.random(N) < rng.beta(0.5, 0.5, size=12)[groups]).astype(int)
        real, generated = (rng.normal(size=(12, D))[groups] + 0.3 * rng.normal(size=(N, D)) for _ in range(2))
        rejected["sides"] += sides_p(real, labels, groups, 99) <= 0.05
        rejected["generated"] += generated_p(real, generated, labels, groups, 99) <= 0.05
    assert max(rejected.values()) <= 6


def test_what_cannot_be_said_has_no_p():
    real, generated = draw(0)
    assert sides_p(real, LABELS, LABELS) is None
    assert generated_p(real, generated, LABELS, NAMES // 20) is None
    assert generated_p(np.ones((N, D)), np.ones((N, D)), LABELS, NAMES, 99) == 1


def test_the_smallest_p_is_one_of_all_labellings():
    assert sides_p(draw(0, shift=30.0)[0], LABELS, NAMES, 99) == pytest.approx(0.01)
