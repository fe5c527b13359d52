"""Distances of images: against plain loops, exact zeros, and images that are alike without being copies."""

from itertools import product

import numpy as np
import pytest
from sklearn.neighbors import NearestNeighbors

from lit_mia.errors import MetricError
from lit_mia.metrics.copying.distances import adaptive_ratios, distances, tiled_distances

COPY = 0.15
"""Tiled distance below which the literature calls an image a copy."""


def drawn(n, size, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (n, 3, size, size), dtype=np.uint8)


def by_loops(images, others, tiles):
    found = np.zeros((len(images), len(others)))
    for (i, image), (j, other) in product(enumerate(images), enumerate(others)):
        squares = (image.astype(float) / 255 - other.astype(float) / 255) ** 2
        rows = [part for row in np.split(squares, tiles, axis=1) for part in np.split(row, tiles, axis=2)]
        found[i, j] = max(np.sqrt(part.mean()) for part in rows)
    return found


@pytest.mark.parametrize(("size", "tiles"), [(8, 1), (8, 4), (12, 3), (64, 1), (64, 4), (80, 2)])
def test_distances_are_those_of_plain_loops(size, tiles):
    images, others = drawn(4, size), drawn(6, size, seed=1)

    assert tiled_distances(images, others, tiles) == pytest.approx(by_loops(images, others, tiles), abs=1e-12)
    assert distances(images, others) == pytest.approx(by_loops(images, others, 1), abs=1e-12)


def test_nothing_depends_on_how_many_are_compared_at_once(monkeypatch):
    images, others = drawn(7, 8), drawn(11, 8, seed=1)
    at_once = tiled_distances(images, others)
    for name, value in (("_IMAGES", 3), ("_PIXELS", 1)):
        monkeypatch.setattr(f"lit_mia.metrics.copying.distances.{name}", value)
        assert np.array_equal(tiled_distances(images, others), at_once)


@pytest.mark.parametrize("tiles", [1, 4])
def test_equal_images_have_distance_zero_and_opposite_ones_distance_one(tiles):
    images = np.concatenate([drawn(3, 128), np.zeros((1, 3, 128, 128), np.uint8), np.full((1, 3, 128, 128), 255, "u1")])
    found = tiled_distances(images, images, tiles)

    assert np.all(np.diagonal(found) == 0)
    assert found[3, 4] == found[4, 3] == 1
    assert np.array_equal(found, found.T)


def test_one_grey_level_in_one_pixel_is_seen():
    image = drawn(1, 128) // 2
    other = image.copy()
    other[0, 1, 5, 7] += 1

    assert distances(image, other)[0, 0] == pytest.approx(1 / 255 / np.sqrt(3 * 128**2), rel=1e-12)


def test_no_images_have_no_distances():
    assert tiled_distances(drawn(0, 8), drawn(3, 8)).shape == (0, 3)


@pytest.mark.parametrize(
    "other",
    [drawn(2, 16), drawn(2, 8).astype(float), drawn(2, 8)[:, :1], drawn(2, 8)[0], drawn(2, 8)[..., :4]],
    ids=["size", "float", "grey", "one image", "no square"],
)
def test_what_cannot_be_compared_is_refused(other):
    with pytest.raises(MetricError, match="must be uint8 and of one size"):
        tiled_distances(drawn(2, 8), other)
    with pytest.raises(MetricError, match="must be uint8 and of one size"):
        tiled_distances(other, drawn(2, 8))


@pytest.mark.parametrize("tiles", [0, 3, 16])
def test_images_that_cannot_be_cut_into_tiles_are_refused(tiles):
    with pytest.raises(MetricError, match=f"8 pixels cannot be cut into {tiles} x {tiles}"):
        tiled_distances(drawn(2, 8), drawn(2, 8), tiles)


def scene(background, shape, at):
    """An object on a background, uint8 `[1, 3, 64, 64]`."""
    image = background.copy()
    image[:, at : at + 8, at : at + 8] = np.where(shape, 30, image[:, at : at + 8, at : at + 8])
    return np.clip(image, 0, 255).astype(np.uint8)[None]


RAMP = np.linspace(170, 210, 64)
BLURRED = np.broadcast_to((RAMP[:, None] + RAMP[None]) / 2, (3, 64, 64)).copy()
DISC = np.hypot(*(np.mgrid[:8, :8] - 3.5)) < 4
CROSS = np.abs(np.subtract(*np.mgrid[:8, :8])) < 2
TRAPS = {
    "another object on the same blurred background": (scene(BLURRED, CROSS, 40), scene(BLURRED, DISC, 8)),
    "another object in the same place": (scene(BLURRED, CROSS, 20), scene(BLURRED, DISC, 20)),
    "a flat grey image beside a dull one": (np.full((1, 3, 64, 64), 188, np.uint8), scene(BLURRED, DISC, 8)),
}


@pytest.mark.parametrize("trap", TRAPS)
def test_a_shared_plain_background_is_no_copy_by_tiles_though_it_is_one_by_the_plain_distance(trap):
    generated, known = TRAPS[trap]

    assert distances(generated, known)[0, 0] < COPY < tiled_distances(generated, known)[0, 0]


def test_a_noisy_copy_is_a_copy_by_every_measure():
    known = np.concatenate([scene(BLURRED, DISC, 8), drawn(60, 64)])
    noisy = np.clip(known[:1] + np.random.default_rng(1).normal(0, 12, known[:1].shape), 0, 255).astype(np.uint8)

    assert tiled_distances(noisy, known)[0].argmin() == 0
    assert tiled_distances(noisy, known)[0, 0] < COPY
    assert adaptive_ratios(distances(noisy, known))[0, 0] < 1 < adaptive_ratios(distances(noisy, known))[0, 1:].min()


def test_ratios_are_those_of_plain_loops():
    images, others = drawn(5, 8), drawn(30, 8, seed=1)
    flat, pool = (of.reshape(len(of), -1) / 255 / np.sqrt(192) for of in (images, others))
    nearest = NearestNeighbors(n_neighbors=7).fit(pool).kneighbors(flat)[0].mean(axis=1)
    expected = [[np.linalg.norm(a - b) / (0.4 * mean) for b in pool] for a, mean in zip(flat, nearest, strict=True)]

    assert adaptive_ratios(distances(images, others), neighbours=7, alpha=0.4) == pytest.approx(np.array(expected))


def test_a_flat_image_is_near_to_all_dull_ones_and_a_copy_of_none():
    grey, pool = np.full((1, 3, 16, 16), 128, np.uint8), drawn(90, 16)
    pool[:60] = 128 + (pool[:60] - 128.0) / 8

    assert np.sum(tiled_distances(grey, pool) < COPY) == 60
    assert adaptive_ratios(distances(grey, pool)).min() > 1
    few = distances(grey, pool[40:])
    assert adaptive_ratios(few).min() < 1 < adaptive_ratios(few, neighbours=15).min()  # 20 dull ones are left


def test_a_verbatim_copy_of_what_is_there_often_is_a_copy_of_each_and_of_nothing_else():
    pool = np.concatenate([np.repeat(drawn(1, 8), 60, axis=0), drawn(20, 8, seed=1)])
    ratios = adaptive_ratios(distances(pool[:1], pool))[0]

    assert np.all(ratios[:60] == 0)
    assert np.all((ratios[60:] > 1) & np.isfinite(ratios[60:]))


@pytest.mark.parametrize(
    ("neighbours", "alpha", "said"), [(0, 0.5, "nearest 0 of 6"), (7, 0.5, "7 of 6"), (3, 1, "α|alpha")]
)
def test_impossible_neighbours_are_refused(neighbours, alpha, said):
    with pytest.raises(MetricError, match=said):
        adaptive_ratios(np.ones((2, 6)), neighbours, alpha)
