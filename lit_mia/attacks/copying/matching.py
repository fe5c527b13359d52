"""Generated images beside all images of both halves: how close to their own, what is nearest, how many copies."""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from lit_mia.attacks.copying.measures import CopyMeasure
from lit_mia.batches import slices
from lit_mia.metrics.copying.eidetic import training_matches
from lit_mia.metrics.roc import FloatArray

IntArray = NDArray[np.int64]
_CHUNK = 256


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


def match(
    measure: CopyMeasure, drawn: NDArray[Any], pool: NDArray[Any], about: IntArray | None, copies: IntArray
) -> Matches:
    """Compare generated images with all images of the pool, some at a time.

    Args:
        measure: How.
        drawn: What the measure compares of them, `[n, ...]`, maybe a map of a file.
        pool: The same of the `m` images of both halves.
        about: The image of the pool that each is about, `[n]`; None: each about the nearest.
        copies: How often each image of the pool is in the training set, `[m]`; 0 for those held out.
    """
    cuts, parts = measure.cuts(), []
    for part in slices(len(drawn), _CHUNK):
        close = measure.closeness(np.asarray(drawn[part]), pool)
        rows, nearest = np.arange(len(close)), close.argmax(axis=1)
        own = nearest if about is None else about[part]
        seen = np.stack([training_matches(close, cut, copies, copies > 0) for cut in cuts], axis=1)
        parts.append((close[rows, own], nearest.astype(np.int64), close[rows, nearest], seen))
    own_all, nearest_all, best_all, seen_all = (np.concatenate(of) for of in zip(*parts, strict=True))
    return Matches(own_all, nearest_all, best_all, seen_all)


def best_draws(matches: Matches, per_record: int) -> IntArray:
    """Which of each record's images, one after another, is closest to it, `[n / per_record]`."""
    by_record = matches.own.reshape(-1, per_record)
    best: IntArray = by_record.argmax(axis=1) + np.arange(len(by_record)) * per_record
    return best
