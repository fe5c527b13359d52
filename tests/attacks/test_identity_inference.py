"""The rule of identity inference against a literal version of it, and what is held while names are read."""

from collections import Counter
from math import floor

import numpy as np
import pytest

from lit_mia.attacks.identity import (
    ABSTAIN,
    TEMPLATES,
    IdentityInference,
    Reading,
    agreed_names,
    drawn_orders,
    plurality,
    read_names,
)
from lit_mia.errors import HeadError
from lit_mia.metrics.identity import recognised

THRESHOLDS = (1, 2, 5, 11, 21)


def literal_modes(rows):
    """Step 4 of the paper in plain loops: the mode of each template's names, or None in a tie for the first place."""
    modes = []
    for template in range(len(rows[0])):
        counts = {}
        for row in rows:
            counts[row[template]] = counts.get(row[template], 0) + 1
        most = max(counts.values())
        first = [name for name in counts if counts[name] == most]
        modes.append(first[0] if len(first) == 1 else None)
    return modes


@pytest.mark.parametrize("names", [2, 3, 6, 40])  # few names make many ties
def test_decisions_are_those_of_a_literal_loop(names):
    attack = IdentityInference(thresholds=THRESHOLDS, images=(1, 2, 3, 4, 7), draws=3)
    decisions, ties = Counter(), 0
    for table in range(80):
        rng = np.random.default_rng([names, table])
        predicted = np.where(rng.random((8, 21)) < rng.random(), 1, rng.integers(names, size=(8, 21)))
        found = attack.recognise(Reading(predicted, np.zeros((8, 21), np.float32)), f"person {table}", true=1)
        orders = drawn_orders(f"person {table}", 8, 3, 0)
        for at, n in enumerate(attack.images):
            for draw in range(3):
                modes = literal_modes(predicted[orders[draw, :n]].tolist())
                ties += modes.count(None)
                correct = sum(mode == 1 for mode in modes)
                assert found.correct[at, draw] == correct
                agreed = Counter(mode for mode in modes if mode is not None)
                for place, threshold in enumerate(THRESHOLDS):
                    member = correct >= threshold
                    assert recognised(found.correct[at, draw : draw + 1], threshold) == member
                    decisions[threshold, member] += 1
                    assert found.distinct[at, draw, place] == sum(c >= threshold for c in agreed.values())
                    assert found.distinct[at, draw, place] <= floor(21 / threshold)
    assert ties > 100
    assert {member for _, member in decisions} == {True, False}


def test_a_tie_abstains_and_a_plurality_of_a_third_wins():
    votes = np.array([[4, 4], [4, 5], [5, 6], [5, 6], [6, 6]])[:, :2]
    assert plurality(votes).tolist() == [ABSTAIN, 6]  # 4 4 5 5 6 ties; 4 5 6 6 6 does not
    assert plurality(np.array([[1], [1], [2], [3], [4]])).tolist() == [1]
    assert plurality(np.array([[7]])).tolist() == [7]
    assert agreed_names(np.array([ABSTAIN, ABSTAIN, 3, 3, 5]), 1) == 2
    assert agreed_names(np.array([ABSTAIN, ABSTAIN, 3, 3, 5]), 2) == 1


def test_names_are_read_as_by_a_loop_over_images_templates_and_names():
    rng = np.random.default_rng(0)
    images, texts = rng.standard_normal((300, 8)).astype(np.float32), rng.standard_normal((3, 20, 8)).astype(np.float32)
    reading = read_names(images, texts, true=4, scale=2.0)
    for i in (0, 7, 255, 256, 299):  # both sides of a block
        for p in range(3):
            logits = [2.0 * float(np.dot(images[i], texts[p, m])) for m in range(20)]
            other = max(logits[m] for m in range(20) if m != 4)
            assert reading.predicted[i, p] == max(range(20), key=logits.__getitem__)
            assert reading.margin[i, p] == pytest.approx(logits[4] - other, abs=1e-4)


def test_a_name_that_is_no_nearer_than_another_is_not_read():
    texts = np.ones((1, 3, 2), np.float32)
    reading = read_names(np.ones((2, 2), np.float32), texts, true=0, scale=1.0)
    assert (reading.predicted != 0).all()
    assert (reading.margin == 0).all()


def test_draws_hold_images_once_and_do_not_depend_on_the_others():
    orders = drawn_orders("Ana", 9, 20, 0)
    assert all(sorted(order) == list(range(9)) for order in orders.tolist())
    assert len({tuple(order) for order in orders.tolist()}) == 20
    assert (orders == drawn_orders("Ana", 9, 20, 0)).all()
    assert (orders != drawn_orders("Ben", 9, 20, 0)).any()
    assert (orders != drawn_orders("Ana", 9, 20, 1)).any()


def test_all_images_leave_nothing_to_chance():
    rng = np.random.default_rng(0)
    reading = Reading(rng.integers(3, size=(7, 21)), rng.standard_normal((7, 21)).astype(np.float32))
    found = IdentityInference(images=(1, 7)).recognise(reading, "Ana", 1)
    assert np.ptp(found.correct[1]) == 0
    assert found.margin[1] == pytest.approx(np.full(20, reading.margin.mean()), abs=1e-5)
    assert np.ptp(found.correct[0]) > 0


def test_the_templates_are_the_papers():
    assert len(set(TEMPLATES)) == 21
    assert IdentityInference().images == (*range(1, 30, 2), 30)
    assert IdentityInference().texts("a {0}", ("Ana", "{x}")) == ["a Ana", "a {x}"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"templates": ("a photo",)}, r"\{0\} for the name.*a photo"),
        ({"templates": ()}, "must be different texts"),
        ({"thresholds": (0,)}, "must be between 1 and 21"),
        ({"thresholds": (22,)}, "must be between 1 and 21"),
        ({"images": (3, 1)}, "different numbers that rise"),
        ({"images": (0, 1)}, "`images` must be at least 1"),
        ({"draws": 0}, "`draws` must be at least 1"),
    ],
)
def test_settings_out_of_range_are_refused(arguments, message):
    with pytest.raises(HeadError, match=message):
        IdentityInference(**arguments)


def test_too_few_images_are_named():
    with pytest.raises(HeadError, match="Ana has 3 images, but 30 are to be drawn"):
        IdentityInference().recognise(Reading(np.zeros((3, 21), int), np.zeros((3, 21))), "Ana", 0)
