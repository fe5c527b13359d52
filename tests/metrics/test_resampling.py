import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from lit_mia.metrics import resampling
from lit_mia.metrics.resampling import class_counts, group_compositions, group_resamples, independent_pairs, resample

LABELS = np.array([1, 1, 1, 0, 0, 0, 1, 0, 1, 0])
GROUPS = np.array(["a", "a", "b", "c", "c", "d", "e", "e", "f", "f"])  # e and f hold both classes


def test_groups_are_drawn_whole_and_within_their_kind():
    weights = group_resamples(LABELS, GROUPS, 500, np.random.default_rng(0))

    assert weights.shape == (500, 10)
    for same in (name == GROUPS for name in "abcdef"):
        assert (np.ptp(weights[:, same], axis=1) == 0).all()
    once = [np.flatnonzero(name == GROUPS)[0] for name in "abcdef"]
    drawn = weights[:, once]
    np.testing.assert_array_equal(drawn.reshape(500, 3, 2).sum(axis=2), 2)  # members, non-members, mixed: two each
    assert drawn.mean(axis=0) == pytest.approx(1, abs=0.1)


def test_no_class_ever_vanishes():
    weights = group_resamples(LABELS, GROUPS, 200, np.random.default_rng(1))

    assert (weights[:, LABELS == 1].sum(axis=1) > 0).all()
    assert (weights[:, LABELS == 0].sum(axis=1) > 0).all()


def test_compositions_and_independent_pairs():
    group_of, composition = group_compositions(LABELS, GROUPS)

    np.testing.assert_array_equal(composition, [1, 1, 2, 2, 3, 3])
    np.testing.assert_array_equal(group_of, [0, 0, 1, 2, 2, 3, 4, 4, 5, 5])
    assert independent_pairs(LABELS, GROUPS) == 4


def test_weighted_counts_give_the_auc_of_repeated_records():
    rng = np.random.default_rng(2)
    labels, scores = np.repeat([1, 0], 20), np.round(rng.normal(size=40), 1)
    weights = group_resamples(labels, np.arange(40), 3, rng)

    members, non_members = class_counts(scores, labels, weights)

    for row, (m, n) in enumerate(zip(members, non_members, strict=True)):
        below = np.cumsum(n) - n / 2
        expected = roc_auc_score(np.repeat(labels, weights[row]), np.repeat(scores, weights[row]))
        assert np.sum(m * below) / (m.sum() * n.sum()) == pytest.approx(expected)


def test_memory_batches_hold_all_replicates(monkeypatch):
    monkeypatch.setattr(resampling, "_CELLS", 70)
    drawn = resample(lambda weights: weights.sum(axis=1).astype(float), LABELS, np.arange(10), 30, seed=0)

    np.testing.assert_array_equal(drawn, np.full(30, 10.0))
    assert list(resampling.batch_sizes(30, 10)) == [7, 7, 7, 7, 2]
    assert list(resampling.batch_sizes(2, 1000)) == [1, 1]
