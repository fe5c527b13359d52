"""Distances between generated and known images in pixels, as Carlini et al. (2023, arXiv 2301.13188) define them.

Pixels are whole numbers, and so are sums of products of up to 1024 of them (less 128) below 2²⁴, where float32 is
exact. Products are taken in pieces of that size and added up in float64: a distance is that of the plain loop to the
last digits, and of equal images exactly 0, however many pixels there are.
"""

from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lit_mia.batches import slices
from lit_mia.errors import MetricError
from lit_mia.metrics.roc import FloatArray, check_fractions

GREY_LEVEL = 1 / 255
_CENTRE, _EXACT = 128, 1024  # 1024 · 128² = 2²⁴
_PIXELS, _IMAGES = 2**25, 1024
"""Most pixels of a tile, and images, that are compared at once with as many others: less than 100 MB."""


def distances(images: NDArray[np.uint8], others: NDArray[np.uint8]) -> FloatArray:
    """Root-mean-square difference of each image to each other one, over all pixels and colours, in [0, 1].

    Args:
        images: `[n, 3, s, s]`, uint8, maybe a map of a file.
        others: `[m, 3, s, s]`, likewise.

    Returns:
        `[n, m]`.

    Raises:
        MetricError: See `tiled_distances`.
    """
    return tiled_distances(images, others, tiles=1)


def tiled_distances(images: NDArray[np.uint8], others: NDArray[np.uint8], tiles: int = 4) -> FloatArray:
    """Root-mean-square difference in the tile where two images differ most, in [0, 1].

    Images that share a plain background differ little on the whole, and much in the tiles of what is in front of it
    (section 4.2 of the paper, where images of 512 pixels have 16 tiles of 128).

    Args:
        images: `[n, 3, s, s]`, uint8, maybe a map of a file.
        others: `[m, 3, s, s]`, likewise.
        tiles: Tiles along each side; it divides `s`.

    Returns:
        `[n, m]`.

    Raises:
        MetricError: If images are no uint8 squares of one size, or cannot be cut into so many tiles.
    """
    side = _tile_side(images, others, tiles)
    largest = np.zeros((len(images), len(others)))
    rows = min(_IMAGES, max(1, _PIXELS // (3 * side**2)))
    for mine, theirs in product(slices(len(images), rows), slices(len(others), rows)):
        block = largest[mine, theirs]
        for corner in np.ndindex(tiles, tiles):
            first, second = (_tile(of, corner, side) for of in (images[mine], others[theirs]))
            np.maximum(block, _squared_differences(first, second), out=block)
    found: FloatArray = np.sqrt(largest / (3 * side**2)) / 255
    return found


def adaptive_ratios(distances: FloatArray, neighbours: int = 50, alpha: float = 0.5) -> FloatArray:
    """How much nearer an image is to each other one than to its neighbours: `d / (α · mean d to the neighbours)`.

    The neighbours are the others that are nearest to the *generated* image, of which a copy's original is one (section
    5.1 of the paper; some code takes those of the original). An image that is as near to all of them, as a dull one is
    among dull ones, has ratios of about 1 / α; a copy that is near to nothing else one of about 0. So has a verbatim
    copy of what is there `neighbours` times: their mean distance, which is 0, counts as one grey level.

    How many are alike matters: a dull image is taken for a copy of dull ones that are fewer than about half of the
    neighbours, and a copy that is not verbatim is missed where there are as many near-duplicates of its original.

    Args:
        distances: Of each generated image to each of the others, at least 0, `[n, m]`.
        neighbours: How many neighbours, at most `m`.
        alpha: α, in (0, 1).

    Returns:
        `[n, m]`, finite; below 1 for copies.

    Raises:
        MetricError: If there are fewer others than neighbours, or α is out of range.
    """
    check_fractions(alpha=alpha)
    if not 1 <= neighbours <= distances.shape[1]:
        raise MetricError(
            f"The nearest {neighbours} of {distances.shape[1]} images were asked for. Set `neighbours` to at least 1 "
            "and at most the number of images."
        )
    nearest = np.partition(distances, neighbours - 1, axis=1)[:, :neighbours]
    around = np.maximum(nearest.mean(axis=1, keepdims=True), GREY_LEVEL)
    ratios: FloatArray = distances / (alpha * around)
    return ratios


def _tile_side(images: NDArray[Any], others: NDArray[Any], tiles: int) -> int:
    shapes, kinds = (images.shape, others.shape), (images.dtype, others.dtype)
    size = shapes[0][-1] if images.ndim else 0
    if any(shape[1:] != (3, size, size) for shape in shapes) or not size or set(kinds) != {np.dtype(np.uint8)}:
        raise MetricError(
            f"Images must be uint8 and of one size, [n, 3, s, s], but have shapes {shapes[0]} and {shapes[1]}, and are "
            f"{kinds[0]} and {kinds[1]}."
        )
    if tiles < 1 or size % tiles:
        raise MetricError(
            f"Images of {size} pixels cannot be cut into {tiles} x {tiles} equal tiles. Resize them to a multiple, or "
            "give a number of tiles that divides it."
        )
    return size // tiles


def _tile(images: NDArray[np.uint8], corner: tuple[int, ...], side: int) -> NDArray[np.uint8]:
    """The pixels of one tile of every image, `[n, 3 side²]`."""
    row, column = (number * side for number in corner)
    return images[:, :, row : row + side, column : column + side].reshape(len(images), -1)


def _squared_differences(first: NDArray[np.uint8], second: NDArray[np.uint8]) -> FloatArray:
    """Sums of the squared differences of pixels in 0..255, whole numbers: `[n, p]` and `[m, p]` to `[n, m]`."""
    total = np.zeros((len(first), len(second)))
    for part in slices(first.shape[1], _EXACT):
        a, b = (of[:, part].astype(np.float32) - np.float32(_CENTRE) for of in (first, second))
        lengths = (np.einsum("ij,ij->i", of, of).astype(np.float64) for of in (a, b))
        total += np.add.outer(*lengths) - 2.0 * (a @ b.T)
    return total
