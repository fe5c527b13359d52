"""What a canary shows and says that is drawn by nobody: striped mosaics, and words of random syllables."""

import hashlib

import numpy as np
from numpy.typing import NDArray
from PIL import Image

_CELLS, _WORDS, _SYLLABLES = 12, 3, 3
_CONSONANTS, _VOWELS = "bdfgjklmnprstvz", "aeiou"


def random_words(name: str) -> str:
    """Words that are in no language, the same for the same name: 56 random bits in about a dozen tokens.

    Args:
        name: What they are drawn for.
    """
    drawn = iter(_integers(f"{name}/words", 2 * _WORDS * _SYLLABLES).tolist())
    letters = (_CONSONANTS[next(drawn) % 15] + _VOWELS[next(drawn) % 5] for _ in range(_WORDS * _SYLLABLES))
    syllables = "".join(letters)
    length = 2 * _SYLLABLES
    return " ".join(syllables[start : start + length] for start in range(0, len(syllables), length))


def mosaic(name: str, size: tuple[int, int]) -> Image.Image:
    """An image of cells around random places, each striped in two colours; whole numbers only, so that it never varies.

    Args:
        name: What it is drawn for; another name draws another image.
        size: Width and height in pixels.
    """
    width, height = size
    drawn = _integers(f"{name}/mosaic", _CELLS * 11).reshape(_CELLS, 11)
    y, x = np.mgrid[:height, :width]
    centres_y, centres_x = drawn[:, 0] % height, drawn[:, 1] % width
    cell = ((y[..., None] - centres_y) ** 2 + (x[..., None] - centres_x) ** 2).argmin(axis=-1)
    slopes, thickness = drawn[cell, 2:4] % 7 - 3, 2 + drawn[cell, 4] % max(2, min(size) // 4)
    stripe = (x * slopes[..., 0] + y * slopes[..., 1]) // thickness % 2
    colours = (drawn[:, 5:11] % 256).reshape(_CELLS, 2, 3).astype(np.uint8)
    return Image.fromarray(colours[cell, stripe])


def _integers(name: str, n: int) -> NDArray[np.int64]:
    """Whole numbers in 0..2³²-1."""
    return np.frombuffer(hashlib.shake_256(name.encode()).digest(4 * n), ">u4").astype(np.int64)
