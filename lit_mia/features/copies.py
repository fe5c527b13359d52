"""Copies that were mirrored, resized, encoded anew or cropped by a pixel: what may not fall on both sides of a coin."""

from collections.abc import Iterator
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lit_mia.batches import slices
from lit_mia.features.duplicates import CONTRAST_SHARE, Pairs, near_pairs
from lit_mia.features.pixels import LOOK, THUMBNAIL, pixel_digest, square

WHOLE_LOOK = np.dtype([*LOOK.descr, ("whole", "u1", (3, THUMBNAIL, THUMBNAIL)), ("size", "i4", (2,))])
"""A look, a thumbnail of the whole image stretched to a square, and the image's width and height."""
CANDIDATE_DISTANCE, COPY_DISTANCE = 20.0, 12.0
"""Most root-mean-square difference, in 0..255, of the 8 x 8 cells of two images that are looked at more closely, and of
the 16 x 16 cells of copies. (Of 1,322 flat drawings of 64 pixels, 99.5 to 100 % of the copies of each kind are found,
and 9 % of the drawings, such as clock faces, are taken for copies of another.)"""
_COARSE, _FINE = 8, 16
_BLOCK, _CHUNK = 256, 256


def look_at(image: Image.Image) -> NDArray[Any]:
    """What an RGB image is compared by: a scalar of `WHOLE_LOOK`."""
    whole = np.asarray(image.resize((THUMBNAIL, THUMBNAIL), Image.Resampling.BICUBIC)).transpose(2, 0, 1)
    return np.array((np.void(pixel_digest(image)), square(image, THUMBNAIL), whole, image.size), WHOLE_LOOK)


def copy_pairs(looks: NDArray[Any], rows: NDArray[np.int64]) -> Pairs:
    """Pairs of rows of which one is a copy of the other, as `near_pairs` finds them, mirrored or cropped.

    Cropped are copies that lack a column or row of pixels at any of their sides. Whole images are compared too, since
    the centre square of one that was cropped is another. More is found than among duplicates of an audit, since a pair
    too many only makes a group larger, and one too few puts an image on both sides.

    Args:
        looks: `[m]` of `WHOLE_LOOK`.
        rows: Which of them, `[n]`.

    Returns:
        First and second of each pair by their places among the rows, `[p]` each.
    """
    looks = looks[rows]
    pairs = [near_pairs(looks["thumbnail"])]
    for mirrored in (False, True):
        for a, b in _candidates(_cells(looks["whole"], _COARSE), mirrored=mirrored):
            close = _are_copies(looks[a], looks[b], mirrored=mirrored)
            pairs.append((a[close], b[close]))
    first, second = (np.concatenate(rows) for rows in zip(*pairs, strict=True))
    return first, second


def _candidates(cells: NDArray[np.float32], *, mirrored: bool) -> Iterator[Pairs]:
    """Pairs of images, the second one maybe mirrored, whose cells differ little, some at a time; all are compared."""
    order = np.argsort(cells.mean(axis=(1, 2, 3)), kind="stable")  # means differ by no more than the cells do
    means, flat = cells.mean(axis=(1, 2, 3))[order], cells[order].reshape(len(cells), -1)
    other = (cells[..., ::-1] if mirrored else cells)[order].reshape(len(cells), -1)
    squares = np.square(flat).sum(axis=1)
    for part in slices(len(cells), _BLOCK):
        end = int(np.searchsorted(means, means[part][-1] + CANDIDATE_DISTANCE, side="right"))
        rest = slice(part.start, end)
        distances = squares[part, None] + squares[None, rest] - 2 * flat[part] @ other[rest].T
        a, b = np.nonzero(np.triu(distances <= CANDIDATE_DISTANCE**2 * flat.shape[1], k=1))
        for some in slices(len(a), _CHUNK):
            yield order[part.start + a[some]], order[part.start + b[some]]


def _are_copies(first: NDArray[Any], second: NDArray[Any], *, mirrored: bool) -> NDArray[np.bool_]:
    turned = second["whole"][..., ::-1] if mirrored else second["whole"]
    distance = np.minimum(
        _least_distance(first["whole"], first["size"], turned), _least_distance(turned, second["size"], first["whole"])
    )
    contrast = _cells(first["whole"], _FINE).std(axis=(2, 3)).max(axis=1)
    are: NDArray[np.bool_] = distance <= np.minimum(COPY_DISTANCE, CONTRAST_SHARE * contrast)
    return are


def _least_distance(
    cropped: NDArray[np.uint8], sizes: NDArray[np.int32], other: NDArray[np.uint8]
) -> NDArray[np.float32]:
    """Least root-mean-square difference over all ways to cut a pixel off some sides of one image of each pair."""
    against = _cells(other, _FINE)
    columns = [np.swapaxes(cut, -1, -2) for cut in _cuts(sizes[:, 0])]
    strips = [rows @ cropped for rows in _cuts(sizes[:, 1])]
    distances = [
        np.sqrt(np.square(strip @ column - against).mean(axis=(1, 2, 3))) for strip, column in product(strips, columns)
    ]
    least: NDArray[np.float32] = np.min(distances, axis=0)
    return least


def _cuts(pixels: NDArray[np.int32]) -> Iterator[NDArray[np.float32]]:
    """Weights that average what is left of an axis, after a pixel was cut off neither, either or both of its ends.

    Args:
        pixels: Pixels of the axis, `[p]`.
    """
    pixel = THUMBNAIL / pixels
    for start, end in product((0, 1), repeat=2):
        yield _averages(start * pixel, THUMBNAIL - end * pixel, _FINE)[:, None]


def _cells(thumbnails: NDArray[np.uint8], n: int) -> NDArray[np.float32]:
    """Averages over `n` x `n` cells, `[..., 3, n, n]`."""
    weights = _averages(np.zeros(1), np.full(1, THUMBNAIL), n)[0]
    cells: NDArray[np.float32] = weights @ thumbnails @ weights.T
    return cells


def _averages(start: NDArray[Any], end: NDArray[Any], n: int) -> NDArray[np.float32]:
    """Weights `[p, n, 32]` that average the pixels of a thumbnail between two places over `n` equal cells."""
    edges = start[:, None] + (end - start)[:, None] * np.linspace(0, 1, n + 1)
    pixel = np.arange(THUMBNAIL)
    overlap = np.minimum(edges[:, 1:, None], pixel + 1) - np.maximum(edges[:, :-1, None], pixel)
    shares = overlap.clip(0)
    weights: NDArray[np.float32] = (shares / np.maximum(shares.sum(axis=-1, keepdims=True), 1e-9)).astype(np.float32)
    return weights
