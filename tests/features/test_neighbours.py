"""Images that an encoder takes for the same: found among many, one by one the same as by hand."""

import time

import numpy as np
import pytest
from scipy.sparse.csgraph import connected_components
from sklearn.metrics.pairwise import cosine_similarity

from lit_mia.features import neighbours
from lit_mia.features.neighbours import COSINE, believed, neighbour_sets


def by_hand(embeddings, cosine):
    centred = embeddings.astype(np.float64) - embeddings.mean(axis=0)
    label = connected_components(cosine_similarity(centred) >= cosine)[1]
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


def around_the_mean(rows):
    """Each row, and its opposite."""
    return np.concatenate([rows, -rows]).astype(np.float32)


def test_what_is_connected_is_one_set():
    """The first and the last are far apart."""
    angles = np.arccos(COSINE) * 0.99 * np.arange(5)
    rows = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    assert neighbour_sets(around_the_mean(rows[[0, 3, 1, 4, 2]])) == [[0, 1, 2, 3, 4], [5, 6, 7, 8, 9]]
    assert neighbour_sets(around_the_mean(rows[::2])) == []


def test_neither_lengths_matter_nor_what_all_have_in_common():
    rows = around_the_mean(np.array([[1, 0], [100, 1], [0, 3]]))
    assert neighbour_sets(rows) == neighbour_sets(rows + 1000) == [[0, 1], [3, 4]]


def test_what_is_no_direction_has_no_neighbour():
    rows = around_the_mean(np.array([[1, 0], [0, 0], [0, 1]]))
    assert neighbour_sets(rows) == []  # the zeros are equal, but to an encoder that says nothing all are
    assert neighbour_sets(rows[:0]) == neighbour_sets(rows[:1]) == []
    assert neighbour_sets(np.full((5, 3), np.nan, np.float32)) == []


def test_an_encoder_that_takes_many_images_for_one_is_not_believed(caplog):
    sets = [[0, 1], list(range(2, 13))]
    assert believed(sets, 110) == sets
    assert believed([], 0) == []
    assert believed([list(range(10))], 12) == [list(range(10))]
    assert caplog.text == ""
    assert believed(sets, 109) == []
    assert "takes 11 of 109 images for one" in caplog.text


def test_ten_thousand_take_seconds():
    rng = np.random.default_rng(1)
    embeddings = rng.normal(size=(10_000, 64)).astype(np.float32)
    embeddings[5000:5100] = embeddings[:100] * 3 + 0.01
    began = time.perf_counter()
    found = neighbour_sets(embeddings)
    assert found == [[row, row + 5000] for row in range(100)]
    assert time.perf_counter() - began < 20  # one, where nothing else runs
