"""Drawn labels are those that the design might have had, with odds that are said."""

from itertools import permutations

import numpy as np
import pytest
from scipy.stats import chisquare

from lit_mia.audits.self_test.drawing import draw_labels

DRAWS = 4000


def drawn_often(labels, groups, splits, tilt, draws=DRAWS):
    rng = np.random.default_rng(0)
    return np.stack([draw_labels(np.array(labels), groups, splits, np.array(tilt), rng) for _ in range(draws)])


@pytest.fixture
def mixed():
    """Groups of several sizes and both kinds in two splits, and a group outside them."""
    groups, labels, splits = [], [], {"train": [], "test": []}
    kinds = {"members": (1, 1, 1), "others": (0, 0), "one member": (1,), "one other": (0,), "both": (1, 0, 0, 1, 0)}
    for split in splits:
        for number in range(3):
            for kind, of in kinds.items():
                splits[split] += range(len(labels), len(labels) + len(of))
                labels += of
                groups += [f"{split} {kind} {number}"] * len(of)
    return np.array([*labels, 1, 0]), [*groups, "outside a", "outside b"], splits


@pytest.mark.parametrize("tilted", [False, True])
def test_whole_groups_move_and_their_number_stays(mixed, tilted):
    labels, groups, splits = mixed
    names = np.array(groups)
    rng = np.random.default_rng(1)
    tilt = rng.normal(size=len(labels)) if tilted else np.zeros(len(labels))
    before, moved = labels.copy(), set()
    for _ in range(50):
        drawn = draw_labels(labels, groups, splits.values(), tilt, rng)
        for rows in splits.values():
            inside = names[rows]
            whole = [name for name in np.unique(inside) if "both" not in name]
            sides = {name: set(drawn[names == name].tolist()) for name in whole}
            assert all(len(side) == 1 for side in sides.values())
            assert sum(side == {1} for side in sides.values()) == sum(labels[names == name].all() for name in whole)
            moved |= {name for name, side in sides.items() if side != set(labels[names == name].tolist())}
            for name in set(inside) - set(whole):
                assert drawn[names == name].sum() == 2
        assert drawn[-2:].tolist() == [1, 0]
    assert np.array_equal(labels, before)
    assert len(moved) == 24


def test_without_a_tilt_all_choices_are_equally_likely():
    drawn = drawn_often([1, 1, 0, 0, 0, 1, 0, 0], [*"aabcdeff"], [range(8)], [0.5] * 8)
    assert np.array_equal(drawn[:, 0], drawn[:, 1])
    chosen = drawn[:, [0, 2, 3, 4, 5, 6]] @ 2 ** np.arange(6)
    counts = np.unique(chosen, return_counts=True)[1]
    assert len(counts) == 15  # two of six groups
    assert chisquare(counts).pvalue > 0.01
    within = drawn_often([1, 0, 0, 1, 1, 0], [*"aaabcd"], [range(6)], [0.0] * 6)  # `a` holds both labels
    assert chisquare(within[:, :3].sum(axis=0)).pvalue > 0.01


def successive(tilt, count):
    """The probability of each set of `count`, one drawn after another with odds of exp(tilt) among those left."""
    found = {}
    for order in permutations(range(len(tilt)), count):
        left, chance = set(range(len(tilt))), 1.0
        for one in order:
            chance *= np.exp(tilt[one]) / sum(np.exp(tilt[other]) for other in left)
            left.remove(one)
        found[frozenset(order)] = found.get(frozenset(order), 0.0) + chance
    return found


def test_tilted_draws_are_one_after_another_with_odds_of_the_mean_tilt():
    tilt, of_groups = [0.4, 1.6, -0.5, 0.0, 2.0, 2.0, 2.0], [1.0, -0.5, 0.0, 2.0]
    drawn = drawn_often([1, 1, 1, 0, 0, 0, 0], [*"aabcddd"], [range(7)], tilt)[:, [0, 2, 3, 4]]
    expected = successive(of_groups, 2)
    counts = [(drawn[:, sorted(chosen)].sum(axis=1) == 2).sum() for chosen in expected]
    assert sum(counts) == DRAWS
    assert chisquare(counts, DRAWS * np.array([*expected.values()])).pvalue > 0.01
    often = drawn.mean(axis=0)
    assert np.array_equal(np.argsort(often), np.argsort(of_groups))


def test_inside_a_mixed_group_the_tilt_is_that_of_each_record():
    tilt = [1.0, 0.0, -1.0, 0.5]
    drawn = drawn_often([0, 1, 0, 1], [*"aaaa"], [range(4)], tilt)
    expected = successive(tilt, 2)
    counts = [(drawn[:, sorted(chosen)].sum(axis=1) == 2).sum() for chosen in expected]
    assert chisquare(counts, DRAWS * np.array([*expected.values()])).pvalue > 0.01


def test_a_draw_depends_on_its_numbers_alone(mixed):
    labels, groups, splits = mixed
    tilt = np.zeros(len(labels))
    one, same, other = (
        draw_labels(labels, groups, splits.values(), tilt, np.random.default_rng(seed)) for seed in (3, 3, 4)
    )
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)
    only = draw_labels(labels, groups, [splits["test"]], tilt, np.random.default_rng(3))
    assert np.array_equal(only[splits["train"]], labels[splits["train"]])
