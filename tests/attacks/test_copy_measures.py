"""Measures of copies: closeness of an encoder beside an independent cosine, what is nearest, and what is refused."""

import numpy as np
import pytest
from copier import BlockEncoder
from sklearn.metrics.pairwise import cosine_similarity

from lit_mia.attacks.copying import EncoderCosine, TiledDistance, match
from lit_mia.attacks.copying.matching import best_draws
from lit_mia.errors import EncoderError


def embeddings(n, seed):
    return np.random.default_rng(seed).normal(size=(n, 5)).astype(np.float32)


def test_closeness_is_the_cosine_and_nothing_is_like_an_embedding_of_length_zero():
    drawn, pool = embeddings(7, 0), embeddings(9, 1)
    pool[3] = 0
    close = EncoderCosine(BlockEncoder()).closeness(drawn, pool)
    np.testing.assert_allclose(close, cosine_similarity(drawn.astype(float), pool.astype(float)), atol=1e-12)
    assert (close[:, 3] == 0).all()


@pytest.mark.parametrize("odd", [np.nan, np.inf])
def test_embeddings_that_are_no_numbers_are_refused_for_nothing_would_be_nearest(odd):
    pool = embeddings(9, 1)
    pool[3, 2] = odd
    with pytest.raises(EncoderError, match="NaN or infinite"):
        match(EncoderCosine(BlockEncoder()), embeddings(7, 0), pool, np.arange(7), np.ones(9, dtype=int))


def test_matches_say_what_is_own_what_is_nearest_and_how_many_are_seen():
    pool = embeddings(600, 2)
    pool[5] = pool[4] * 2
    drawn = np.concatenate([pool[[300, 4]], -pool[[7]], pool[[9]]])
    found = match(EncoderCosine(BlockEncoder(), (0.999,)), drawn, pool, np.array([4, 4, 7, 7]), np.full(600, 2))
    np.testing.assert_allclose(found.own[1:3], [1, -1], atol=1e-6)
    assert found.nearest[[0, 3]].tolist() == [300, 9]
    assert found.seen[:, 0].tolist() == [2, 4, 0, 2]
    assert best_draws(found, 2).tolist() == [1, 3]


def test_thresholds_of_distances_and_of_similarities_are_cuts_of_closeness():
    assert TiledDistance(thresholds=(0.15, 0.3)).cuts().tolist() == [-0.15, -0.3]
    assert EncoderCosine(BlockEncoder(), (0.5, 0.75)).cuts().tolist() == [0.5, 0.75]
    assert TiledDistance().told(0.15) == "tiled ℓ2 ≤ 0.15"
    assert EncoderCosine(BlockEncoder()).told(0.5) == "cosine ≥ 0.5"
