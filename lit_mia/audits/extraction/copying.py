"""How one model reproduces the records, by one measure; and what it does beyond another model."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lit_mia.attacks.copying import CopyMeasure, match
from lit_mia.attacks.copying.matching import ROUNDING, best_draws
from lit_mia.audits.extraction.halves import Halves
from lit_mia.metrics.resampling import IntArray
from lit_mia.metrics.roc import BoolArray, FloatArray


@dataclass(frozen=True, eq=False)
class Copying:
    """How the n records are reproduced; of one from whose caption nothing was drawn, not at all.

    Attributes:
        closeness: Of the closest image that was drawn from its caption, higher for closer, `[n]`.
        copies: Whether that is a copy at each threshold, and has the record's group as the nearest of all, `[n, t]`.
        own_nearest: The second of these alone, `[n]`.
        seen: Training images that it is a copy of at the first threshold, copies of a file counted, `[n]`.
        draw: Which of the record's images it is, `[n]`.
    """

    closeness: FloatArray
    copies: BoolArray
    own_nearest: BoolArray
    seen: IntArray
    draw: IntArray

    def beyond(self, base: "Copying", asked: BoolArray) -> "Copying":
        """What is reproduced here and not by the base of the same prompts and seeds, and how much closer.

        Args:
            base: The other model.
            asked: Whether something was drawn from a record's caption, `[n]`.
        """
        closer = last_unless(asked, np.where(asked, self.closeness - base.closeness, 0.0))
        return replace(
            self,
            closeness=closer,
            copies=self.copies & ~base.copies,
            own_nearest=self.own_nearest & ~base.own_nearest,
        )


def copying_of(measure: CopyMeasure, drawn: NDArray[Any], pool: NDArray[Any], halves: Halves) -> Copying:
    """Compare what was drawn with all records.

    Args:
        measure: How.
        drawn: What the measure compares of the drawn images, those of each asked record one after another.
        pool: The same of the `n` records.
        halves: The records.
    """
    rows, n = halves.rows, len(halves.asked)
    per_record = len(drawn) // len(rows)
    matches = match(measure, drawn, pool, np.repeat(rows, per_record), copies=halves.copies)
    best = best_draws(matches, per_record)
    closest = matches.of(best)
    is_nearest = closest.own >= closest.best - ROUNDING  # of equals, such as a file in both halves, each is
    is_own = is_nearest | (halves.group_of[closest.nearest] == halves.group_of[rows])

    def spread(values: NDArray[Any]) -> NDArray[Any]:
        whole = np.zeros((n, *values.shape[1:]), values.dtype)
        whole[rows] = values
        return whole

    copies = (closest.own[:, None] >= measure.cuts()) & is_own[:, None]
    return Copying(
        closeness=last_unless(halves.asked, spread(closest.own)),
        copies=spread(copies),
        own_nearest=spread(is_own),
        seen=spread(closest.seen[:, 0]),
        draw=spread((best % per_record).astype(np.int64)),
    )


def last_unless(asked: BoolArray, values: FloatArray) -> FloatArray:
    """The values, and one below all of them where nothing was asked."""
    return np.where(asked, values, values[asked].min() - 1)
