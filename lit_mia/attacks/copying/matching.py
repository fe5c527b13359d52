"""Generated images beside all images of both halves: how close to their own, what is nearest, how many copies."""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from lit_mia.attacks.copying.measures import CopyMeasure
from lit_mia.batches import slices
from lit_mia.metrics.copying.eidetic import training_matches
from lit_mia.metrics.resampling import IntArray
from lit_mia.metrics.roc import BoolArray, FloatArray

_CHUNK = 256
ROUNDING = 1e-6
"""Of two images that are equal, how much nearer one may be than the other."""


@dataclass(frozen=True, eq=False)
class Matches:
    """What generated images match, by one measure.

    Attributes:
        own: Closeness to the image that they are about, `[n]`.
        nearest: The nearest image of the pool, `[n]`.
        best: Closeness to that, `[n]`.
        seen: Training images that each is a copy of at each threshold, with how often these are in the training set,
            `[n, t]`.
    """

    own: FloatArray
    nearest: IntArray
    best: FloatArray
    seen: IntArray

    def of(self, rows: IntArray) -> Self:
        """Those of some of the images."""
        return type(self)(self.own[rows], self.nearest[rows], self.best[rows], self.seen[rows])


def match(measure: CopyMeasure, drawn: NDArray[Any], pool: NDArray[Any], about: IntArray, copies: IntArray) -> Matches:
    """Compare generated images with all images of the pool, some at a time.

    Args:
        measure: How.
        drawn: What the measure compares of them, `[n, ...]`, maybe a map of a file.
        pool: The same of the `m` images of both halves.
        about: The image of the pool that each is about, `[n]`.
        copies: How often each image of the pool is in the training set, `[m]`; 0 for those held out.
    """
    cuts, parts = measure.cuts(), []
    for part in slices(len(drawn), _CHUNK):
        close = measure.closeness(np.asarray(drawn[part]), pool)
        rows, nearest = np.arange(len(close)), close.argmax(axis=1)
        own = about[part]
        seen = np.stack([training_matches(close, cut, copies, copies > 0) for cut in cuts], axis=1)
        parts.append((close[rows, own], nearest.astype(np.int64), close[rows, nearest], seen))
    own_all, nearest_all, best_all, seen_all = (np.concatenate(of) for of in zip(*parts, strict=True))
    return Matches(own_all, nearest_all, best_all, seen_all)


def nearest_copied(measure: CopyMeasure, drawn: NDArray[Any], pool: NDArray[Any]) -> BoolArray:
    """Images of the pool of which any generated one is a copy, at the first threshold, and nothing else is nearer.

    Args:
        measure: How to compare.
        drawn: What the measure compares of the generated images, `[n, ...]`; there may be none.
        pool: The same of the `m` images of both halves.

    Returns:
        `[m]`; of images that are equally near, such as a file that is there twice, all.
    """
    found = np.zeros(len(pool), np.bool_)
    for part in slices(len(drawn), _CHUNK):
        close = measure.closeness(np.asarray(drawn[part]), pool)
        nearest = np.maximum(close.max(axis=1) - ROUNDING, measure.cuts()[0])
        found |= (close >= nearest[:, None]).any(axis=0)
    return found


def best_draws(matches: Matches, per_record: int) -> IntArray:
    """Which of each record's images, one after another, is closest to it, `[n / per_record]`."""
    by_record = matches.own.reshape(-1, per_record)
    best: IntArray = by_record.argmax(axis=1) + np.arange(len(by_record)) * per_record
    return best
