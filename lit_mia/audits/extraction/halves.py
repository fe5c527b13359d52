"""The records of an extraction audit as arrays: who is in which half, and which of them stand for one coin."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from datamodules.sources.base import StatedDesign
from lit_mia.metrics.copying.excess import Excess, excess_of
from lit_mia.metrics.copying.units import units_of
from lit_mia.metrics.copying.verdict import fewest_found
from lit_mia.metrics.resampling import IntArray, group_numbers
from lit_mia.metrics.roc import BoolArray
from lit_mia.records import MEMBER, Records
from lit_mia.report.extraction import Counted


@dataclass(frozen=True, eq=False)
class Halves:
    """The n records of both halves.

    Attributes:
        records: The records.
        asked: Whether images were drawn from a record's caption, `[n]`.
        design: How the halves came about.
    """

    records: Records
    asked: BoolArray
    design: StatedDesign

    @cached_property
    def members(self) -> BoolArray:
        """Whether each was in the training set, `[n]`."""
        members: BoolArray = np.array(self.records.members) == MEMBER
        return members

    @cached_property
    def group_of(self) -> IntArray:
        """Number of each record's group, `[n]`."""
        return group_numbers(self.records.groups, len(self.records))

    @cached_property
    def copies(self) -> IntArray:
        """How often each is in the training set, `[n]`; 0 for those held out."""
        often = [self.design.copies.get(name, 1) for name in self.records.ids]
        return np.where(self.members, np.array(often, dtype=np.int64), 0)

    @cached_property
    def rows(self) -> IntArray:
        """The rows from whose captions images were drawn."""
        return np.flatnonzero(self.asked).astype(np.int64)

    def excess(self, reproduced: BoolArray) -> Excess:
        """How many of each half are reproduced, and the test."""
        return excess_of(reproduced, self.members, self.records.groups)

    def groups(self) -> dict[str, int]:
        """How many units of the tests each half has: its groups, and the records of groups of both halves."""
        is_member = units_of(np.zeros(len(self.members)), self.members, self.records.groups).is_member
        return {"member": int(is_member.sum()), "non_member": int((~is_member).sum())}

    def fewest_found(self, tests: int) -> int | None:
        """The fewest reproduced training groups that are found if no held-out one is; None if there are not so many.

        Args:
            tests: How many tests share the level.
        """
        units = self.groups()
        fewest = fewest_found(units["member"], units["non_member"], tests)
        return fewest if fewest is not None and fewest <= (self.asked & self.members).sum() else None


def both_counts(excess: Excess) -> tuple[Counted, Counted]:
    """The counts of both halves as a report holds them."""
    members, others = (
        Counted(half.copied, half.records, half.rate.value, lo=half.rate.ci.lo, hi=half.rate.ci.hi)
        for half in (excess.members, excess.nonmembers)
    )
    return members, others
