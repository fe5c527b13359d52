"""The records that a change is measured on, of both audits."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from lit_mia.metrics.change.auc_change import apart
from lit_mia.metrics.change.rate_draws import drawn_tpr
from lit_mia.metrics.intervals import Measured, measure
from lit_mia.metrics.roc import FloatArray
from lit_mia.report.comparison.records import IntArray, Judged, Names, Pairing


@dataclass(frozen=True, eq=False)
class Sample:
    """The records of one audit that a change is measured on.

    Attributes:
        scores: Rows in the order of the comparison, `[m, n]`.
        labels: 1 = member, 0 = non-member, `[n]`.
        groups: Their groups, `[n]`.
    """

    scores: FloatArray
    labels: IntArray
    groups: Names


@dataclass(frozen=True, eq=False)
class Samples:
    """What the change of `m` rows is measured on; rows of the second audit are `m` places behind those of the first.

    Attributes:
        a: Of the first audit.
        b: Of the second.
        paired: Whether both are of the same records.
    """

    a: Sample
    b: Sample
    paired: bool

    @cached_property
    def measured(self) -> Measured:
        """The AUCs of all rows in A, then in B."""
        if self.paired:
            return measure(np.concatenate([self.a.scores, self.b.scores]), self.a.labels, self.a.groups)
        return apart(*(measure(of.scores, of.labels, of.groups) for of in (self.a, self.b)))

    def rates(self, places: Sequence[int], fprs: Sequence[float]) -> tuple[FloatArray, FloatArray]:
        """Resampled true positive rates of some rows in A and in B, `[rows, fprs, draws]`; paired as they are."""
        a, b = (
            drawn_tpr(of.scores[list(places)], of.labels, fprs, of.groups, seed=seed)
            for of, seed in ((self.a, 0), (self.b, 0 if self.paired else 1))
        )
        return a, b


def samples_of(pairing: Pairing, sides: tuple[Judged, Judged], names: Sequence[str]) -> Samples | None:
    """What the change is measured on; None if none is said."""
    if pairing.basis == "none":
        return None
    whole = [np.stack([side.scores[name] for name in names]) for side in sides]
    if pairing.basis == "apart":
        a, b = (Sample(scores, side.labels, side.groups) for scores, side in zip(whole, sides, strict=True))
        return Samples(a, b, paired=False)
    a, b = (
        Sample(scores[:, rows], pairing.labels, pairing.groups)
        for scores, rows in zip(whole, pairing.rows, strict=True)
    )
    return Samples(a, b, paired=True)
