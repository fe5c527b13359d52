"""Images that an encoder takes for the same: copies in other colours, mirrored or cropped, which hashes do not find."""

import logging

import numpy as np
from numpy.typing import NDArray

from lit_mia.batches import slices
from lit_mia.features.connected import components, sets_of

logger = logging.getLogger(__name__)

COSINE = 0.97
"""Least cosine of the embeddings, less their mean, of two images that are taken for the same. (Of the copies of 400
flat drawings, by an encoder of such, all that are brighter are found, 98 % of those encoded anew, 79 % of those cropped
by a pixel and 75 % of the mirrored ones; 24 % of 1,322 drawings, mostly flags and letters in boxes, are taken for
another, in sets of up to 46. At 0.99 it is 40 % of the cropped ones, and 10 % of the drawings.)"""
MOST, MOST_SHARE = 10, 0.1
"""Images of a set, and share of all images, above which an encoder is not believed."""
_ENTRIES = 2**24
"""Most cosines in memory."""


def neighbour_sets(embeddings: NDArray[np.float32], cosine: float = COSINE) -> list[list[int]]:
    """Rows that are connected by near neighbours, each set ascending, at least two.

    All pairs are compared, some rows at a time; what is kept of them is to which set each row belongs. The mean of all
    rows is taken off first, since there are encoders of which all embeddings point about the same way.

    Args:
        embeddings: `[n, d]`.
        cosine: Least cosine of neighbours, in (0, 1].
    """
    n = len(embeddings)
    centred = embeddings - embeddings.mean(axis=0) if n else embeddings
    lengths = np.linalg.norm(centred, axis=1, keepdims=True)
    unit = (centred / np.where(lengths > 0, lengths, 1)).astype(np.float32)
    set_of = np.arange(n)
    for part in slices(n, max(1, _ENTRIES // max(n, 1))):
        a, b = np.nonzero(unit[part] @ unit[part.start :].T >= cosine)
        set_of = components(n, set_of[a + part.start], set_of[b + part.start])[set_of]
    return sets_of(set_of)


def believed(sets: list[list[int]], n: int) -> list[list[int]]:
    """The sets, or none if one of them holds so many of all images that the encoder does not tell these apart.

    Args:
        sets: What `neighbour_sets` found.
        n: Number of all images.
    """
    largest = max(map(len, sets), default=0)
    if largest <= max(MOST, MOST_SHARE * n):
        return sets
    logger.warning(
        "The encoder takes %d of %d images for one: it does not tell them apart, and is not heeded.", largest, n
    )
    return []
