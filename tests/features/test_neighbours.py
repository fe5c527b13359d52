"""Images that an encoder takes for the same: found among many, one by one the same as by hand."""

import time

import numpy as np
import pytest
from scipy.sparse.csgraph import connected_components
from sklearn.metrics.pairwise import cosine_similarity

from lit_mia.features import neighbours
from lit_mia.features.neighbours import COSINE, neighbour_sets


def by_hand(embeddings, cosine):
    label = connected_components(cosine_similarity(embeddings.astype(np.float64)) >= cosine)[1]
    sets = [np.flatnonzero(label == of).tolist() for of in np.unique(label)]
    return sorted(rows for rows in sets if len(rows) > 1)


@pytest.mark.parametrize("entries", [1, 1000, 2**24])
@pytest.mark.parametrize("cosine", [0.5, 0.8, 0.95])
def test_sets_are_those_of_all_pairs(monkeypatch, entries, cosine):
    monkeypatch.setattr(neighbours, "_ENTRIES", entries)
    embeddings = np.random.default_rng(0).normal(size=(200, 4)).astype(np.float32)
    found = neighbour_sets(embeddings, cosine)
    assert found == by_hand(embeddings, cosine)
    assert found


def test_what_is_connected_is_one_set():
    """The first and the last are far apart."""
    angles = np.arccos(COSINE) * 0.99 * np.arange(5)
    rows = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    assert neighbour_sets(rows[[0, 3, 1, 4, 2]]) == [[0, 1, 2, 3, 4]]
    assert neighbour_sets(rows[::2]) == []


def test_lengths_do_not_matter_and_nothing_is_like_nothing():
    rows = np.array([[1, 0], [100, 1], [0, 0], [0, 0], [0, -1], [np.nan, 1]], np.float32)
    assert neighbour_sets(rows) == [[0, 1]]
    assert neighbour_sets(rows[:0]) == []
    assert neighbour_sets(rows[:1]) == []


def test_ten_thousand_take_seconds():
    rng = np.random.default_rng(1)
    embeddings = rng.normal(size=(10_000, 64)).astype(np.float32)
    embeddings[5000:5100] = embeddings[:100] * 3 + 0.01
    began = time.perf_counter()
    found = neighbour_sets(embeddings)
    assert found == [[row, row + 5000] for row in range(100)]
    assert time.perf_counter() - began < 20  # one, where nothing else runs
