"""Equal and nearly equal images among records."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lit_mia.batches import slices
from lit_mia.features.connected import components, sets_of
from lit_mia.reasons import listed
from lit_mia.records import Records

HASH_DISTANCE = 5
"""Most bits in which the perceptual hashes of nearly equal images differ."""
PIXEL_DISTANCE, CONTRAST_SHARE = 8.0, 0.5
"""Most root-mean-square difference of their thumbnails, in 0..255 and as a share of their contrast: colours are not in
the hash, and of plain images it says nothing."""
SHOWN = 10
"""Most sets, and records of a set, that are named in a sentence."""
_SIDE = 8
_LUMA = np.array([19595, 38470, 7471], np.int32)
"""Weights of red, green and blue in grey, in 1/65536."""
_CHUNK = 256

Pairs = tuple[NDArray[np.int64], NDArray[np.int64]]
"""First and second row of each pair, `[p]` each."""
Sets = Sequence[Sequence[int]]
"""Rows that belong together, at least two of each set."""

_BANDS, _BITS = HASH_DISTANCE + 1, _SIDE * _SIDE // (HASH_DISTANCE + 1)


@dataclass(frozen=True)
class Duplicates:
    """Records that show the same.

    Attributes:
        ids: Their ids, at least two.
        exact: Whether all their pixels are equal.
        groups: In how many groups the source has them.
        sides: On how many sides of the question they are: 2 if members and non-members are among them.
    """

    ids: tuple[str, ...]
    exact: bool
    groups: int
    sides: int


def find_duplicates(
    records: Records, looks: NDArray[Any], alike: Sets = (), rows: Sequence[int] | None = None
) -> list[Duplicates]:
    """Sets of records with equal or nearly equal images that are in several groups or on both sides.

    Nearly equal are two images whose perceptual hashes differ in few bits and whose thumbnails differ little; plain
    images are equal or not. A set holds what is connected by such pairs.

    Args:
        records: The n records.
        looks: What images are compared by, `[m]` of `lit_mia.features.pixels.LOOK`, maybe a map of a file: no more
            than a part of it is ever in memory.
        alike: Rows that show the same by other means, such as an encoder.
        rows: Which of the looks are the records', `[n]`; None: all.
    """
    found, places = [], np.arange(len(looks)) if rows is None else np.array(rows, np.int64)
    for same in sets_of_equals(looks, alike=alike, rows=places):
        groups, sides = ({column[row] for row in same} for column in (records.groups, records.members))
        if len(groups) > 1 or len(sides) > 1:
            pixels = {looks["pixels"][places[row]].tobytes() for row in same}
            ids = tuple(records.ids[row] for row in same)
            found.append(Duplicates(ids, exact=len(pixels) == 1, groups=len(groups), sides=len(sides)))
    return found


def told(duplicates: Sequence[Duplicates]) -> str:
    """How many records show the same, and which, as a sentence.

    Args:
        duplicates: What `find_duplicates` found, at least one set.
    """
    sets = [listed(of.ids, SHOWN, between=" = " if of.exact else " ≈ ") for of in duplicates]
    signs = "(=: equal pixels, ≈: alike by thumbnail or to the encoder)"
    return f"{counted(duplicates).removesuffix('.')} {signs}: {listed(sets, SHOWN, between='; ')}."


def counted(duplicates: Sequence[Duplicates]) -> str:
    """How many records show the same, as a sentence that names none.

    Args:
        duplicates: What `find_duplicates` found, at least one set.
    """
    sides, count = sum(of.sides > 1 for of in duplicates), sum(len(of.ids) for of in duplicates)
    return (
        f"{count} records show the same image, or one that looks alike, as a record of another group or side, in "
        f"{len(duplicates)} sets, of which {sides} hold members and non-members."
    )


def sets_of_equals(
    looks: NDArray[Any],
    near: Callable[[NDArray[Any], NDArray[np.int64]], Pairs] = lambda looks, rows: near_pairs(looks["thumbnail"], rows),
    alike: Sets = (),
    rows: NDArray[np.int64] | None = None,
) -> list[list[int]]:
    """Rows of images that are equal or nearly so, each set ascending, at least two.

    Args:
        looks: See `find_duplicates`.
        near: Finds the pairs among some rows of the looks that are nearly equal, and tells their places among these.
        alike: Rows that show the same by other means.
        rows: Which of the looks are compared; rows are counted among them. None: all.
    """
    places = np.arange(len(looks)) if rows is None else rows
    _, first, same = np.unique(looks["pixels"][places], return_index=True, return_inverse=True)
    stars = np.array([(of[0], row) for of in alike for row in of[1:]], np.int64).reshape(-1, 2)
    a, b = map(np.concatenate, zip(near(looks, places[first]), same[stars].T, strict=True))
    return sets_of(components(len(first), a, b)[same])


def near_pairs(thumbnails: NDArray[np.uint8], rows: NDArray[np.int64] | None = None) -> Pairs:
    """Pairs of rows whose thumbnails are nearly equal.

    Args:
        thumbnails: `[m, 3, 32, 32]`, maybe a map of a file.
        rows: Which of them, `[n]`; None: all.

    Returns:
        First and second of each pair by their places among the rows, `[p]` each.
    """
    rows = np.arange(len(thumbnails)) if rows is None else rows
    hashes = [perceptual_hashes(thumbnails[rows[part]]) for part in slices(len(rows), _CHUNK)]
    a, b = _close(np.concatenate([np.empty(0, np.uint64), *hashes]))
    near = np.zeros(len(a), np.bool_)
    for part in slices(len(a), _CHUNK):
        first = thumbnails[rows[a[part]]].astype(np.float32)
        difference = np.sqrt(np.square(first - thumbnails[rows[b[part]]]).mean(axis=(1, 2, 3)))
        contrast = first.std(axis=(2, 3)).max(axis=1)
        near[part] = difference <= np.minimum(PIXEL_DISTANCE, CONTRAST_SHARE * contrast)
    return a[near], b[near]


def perceptual_hashes(thumbnails: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """64 bits per image: which of its 8 x 8 lowest frequencies are above their median.

    The pHash of Zauner 2010 ("Implementation and Benchmarking of Perceptual Image Hash Functions"), bit by bit as the
    package ImageHash computes it.

    Args:
        thumbnails: `[n, 3, 32, 32]`.
    """
    from scipy.fft import dctn

    if not len(thumbnails):
        return np.empty(0, np.uint64)
    grey = np.tensordot(thumbnails.astype(np.int32), _LUMA, axes=(1, 0)) + 2**15 >> 16  # as Pillow rounds
    low = dctn(grey.astype(np.float64), axes=(1, 2))[:, :_SIDE, :_SIDE].reshape(len(grey), _SIDE**2)
    bits = low > np.median(low, axis=1, keepdims=True)
    return np.packbits(bits, axis=1).view(">u8").astype(np.uint64).ravel()


def _close(hashes: NDArray[np.uint64]) -> Pairs:
    """Pairs of hashes that differ in few bits, first row below second: such have a band of bits in common."""
    n, pairs = len(hashes), [np.empty(0, np.int64)]
    for band in range(_BANDS):
        values = hashes >> np.uint64(band * _BITS) & np.uint64(2**_BITS - 1)
        order = np.argsort(values, kind="stable")
        sorted_values, step = values[order], 1
        while (equal := np.flatnonzero(sorted_values[step:] == sorted_values[:-step])).size:
            a, b = order[equal], order[equal + step]
            near = np.bitwise_count(hashes[a] ^ hashes[b]) <= HASH_DISTANCE
            pairs.append(a[near] * n + b[near])
            step += 1
    found = np.unique(np.concatenate(pairs))
    return found // n, found % n
