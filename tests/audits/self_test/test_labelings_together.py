"""Heads that learn for several ways to label records are those that learn for each alone."""

import numpy as np
import pytest
from planted_pairs import PlantedPairs

from lit_mia.attacks import AttackIIP, AttackIIS, AttackIS, BlindImage, Budget
from lit_mia.attacks.controls import Selection, stronger_learner
from lit_mia.attacks.controls.boosting import boosted_scores, flat_features
from lit_mia.attacks.pixel import BlindPixels
from lit_mia.attacks.training import fit_head, quiet, score_all
from lit_mia.audits.self_test import together
from lit_mia.audits.self_test.together import Together
from lit_mia.errors import HeadError

SMALL = {"widths": (24, 12), "lr": 5e-3}
BUDGET = Budget(seeds=2, max_epochs=6, patience=2, accelerator="cpu")


@pytest.fixture
def data():
    return PlantedPairs("reconstruction")


@pytest.fixture
def labels(data):
    own, rng = data.arrays.member, np.random.default_rng(0)
    return np.stack([own, rng.permutation(own), rng.permutation(own)])


@pytest.fixture
def asked(monkeypatch):
    """How many labelings each call of `train_batch` was about."""
    calls = []
    train = together.train_batch

    def counted(head, data, budget, seeds, labels):
        calls.append(len(labels))
        return train(head, data, budget, seeds, labels)

    monkeypatch.setattr(together, "train_batch", counted)
    return calls


def alone(head, labels, seed):
    """Scores of a Trainer whose records have these labels."""
    data = PlantedPairs("reconstruction")
    data.arrays.member[:] = labels
    with quiet():
        fit_head(head, data, BUDGET, seed)
    return score_all(head, data)


def test_each_way_to_label_has_the_heads_that_it_would_have_alone(data, labels, asked):
    learner = Together(labels, 3, apart=False, tables={})
    for learner.turn in range(3):
        scores = learner.network(AttackIIS(**SMALL), data, BUDGET)
        assert scores.shape == (2, len(data.table))
        for seed, of in zip((3, 4), scores, strict=True):
            expected = alone(AttackIIS(**SMALL), labels[learner.turn], seed)
            assert np.abs(of - expected).max() < 1e-4 * expected.std()
    assert asked == [6]
    learner.network(AttackIS(**SMALL), data, BUDGET)
    assert asked == [6, 6]


def test_a_way_whose_head_fails_does_not_end_the_others(data, labels, monkeypatch):
    train, bad = together.train_batch, labels[1]

    def failing(head, data, budget, seeds, labels):
        if (labels == bad).all(axis=1).any():
            raise HeadError("diverged")
        return train(head, data, budget, seeds, labels)

    whole = Together(labels[[0, 2]], 0, apart=False, tables={})
    expected = [whole.network(AttackIIS(**SMALL), data, BUDGET) for whole.turn in range(2)]
    monkeypatch.setattr(together, "train_batch", failing)
    learner = Together(labels, 0, apart=False, tables={})
    for learner.turn, of in zip((0, 2), expected, strict=True):
        np.testing.assert_allclose(learner.network(AttackIIS(**SMALL), data, BUDGET), of, atol=1e-4)
    learner.turn = 1
    with pytest.raises(HeadError, match="diverged"):
        learner.network(AttackIIS(**SMALL), data, BUDGET)


def test_what_learns_apart_is_left_to_boosting_unless_it_shall_be_trained(data, labels, monkeypatch):
    trained = []
    monkeypatch.setattr(together, "train_seeds", lambda head, *_: trained.append(head.name) or np.ones((2, 620)))
    for apart in (False, True):
        learner = Together(labels, 0, apart=apart, tables={})
        assert learner.trains(BlindImage(), data)
        assert learner.trains(BlindPixels(), data) == apart
    learner.network(AttackIIP(), data, BUDGET)
    assert trained == ["II-P"]
    rows = {name: [*of] for name, of in data.rows.items() if name != "test"}
    records = Selection(data.arrays.member, **rows)
    learner = Together(labels, 0, apart=False, tables={})
    control = stronger_learner(BlindPixels(), data, BUDGET, records, learner=learner)
    assert control.learner == "gradient boosting"
    table = flat_features(BlindPixels(), data, 200)
    assert np.array_equal(control.scores[0], boosted_scores(table, records.labels, records.train))


def test_what_controls_read_is_made_once_for_all_labelings(data, labels):
    tables = {}
    first, second = (Together(labels, seed, apart=False, tables=tables) for seed in (0, 1))
    table = first.table(BlindImage(), data, 200)
    assert second.table(BlindImage(), data, 200) is table
    assert np.array_equal(table, flat_features(BlindImage(), data, 200))
    assert second.table(AttackIS(), data, 200) is not table
