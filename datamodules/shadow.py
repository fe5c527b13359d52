"""Heads that learn on a shadow target, whose members we know by construction, and are judged on another target."""

import copy
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import final

import numpy as np
from numpy.typing import NDArray
from torch.utils.data import DataLoader

from datamodules.auxiliary import AuxiliaryDataModule
from datamodules.joined import JoinedDataModule
from lit_mia.errors import RecordError, SplitError, TargetError
from lit_mia.pair_batch import PairBatch
from lit_mia.records import MEMBER, Records
from lit_mia.splits import LEARNED
from lit_mia.targets.base import Target
from lit_mia.targets.sameness import holds, model_of

OWN_RECORDS = "attacked records"
"""What rows of controls are called after that learn from the attacked side's labelled records."""


@final
class ShadowDataModule(JoinedDataModule):
    """Heads learn on a shadow target, whose members we know by construction, and are tested on another target.

    Train, val and calibration come from the shadow target, so epoch and threshold too are the attacker's own; test and
    predict come from the attacked target. Neither target is asked about the splits that nobody looks at. A record that
    both questions hold must be in the same split of both.

    In an audit the controls learn from the shadow's records as the attack does, and once more from the attacked side's
    own labelled records, which the auditor holds: what tells members from others without the target there must not be
    taken for memory. A placebo's answers are scored by heads that learned on the shadow; the shadow is one itself,
    since it was trained on neither side of the tested records.

    Args:
        shadow: Records and answers of the shadow target.
        attacked: Records and answers of the attacked target.
    """

    def __init__(self, shadow: AuxiliaryDataModule, attacked: AuxiliaryDataModule) -> None:
        super().__init__((shadow, attacked), learned=shadow, judged=attacked)
        self.shadow, self.attacked = shadow, attacked
        self._predicts = False
        self._is_placebo = False
        for name in ("image_size", "images_per_record"):
            of_shadow, of_attacked = getattr(shadow, name), getattr(attacked, name)
            if of_shadow != of_attacked:
                raise RecordError(
                    f"`{name}` must be the same on both sides, but is {of_shadow} of the shadow and {of_attacked} of "
                    "the attacked: a head would be tested on what it has not learned to read."
                )

    @property
    def table(self) -> Records:
        """The records of both sides, or those that are predicted."""
        return self.attacked.table if self._predicts else super().table

    def further_tables(self) -> Mapping[str, "_AttackedRecords"]:
        """The attacked side's own records, for controls."""
        return {OWN_RECORDS: self._own_records}

    def answered_by(self, target: Target, store: str) -> "ShadowDataModule":
        """Heads that learned on the shadow, tested on a placebo's answers about the attacked records.

        Raises:
            TargetError: If the placebo is the shadow, and it was trained on some of the tested records.
        """
        known = self.shadow.view.everyone
        members = known.select(known.rows_of(MEMBER))
        seen = self._tested_among(_names(members))
        if seen and holds(target.fingerprint(), self.shadow.target.fingerprint()):
            raise TargetError(
                f"The placebo {target.name!r} is the shadow, which was trained on {len(seen)} of the tested records, "
                f"or others of their groups, e.g. {seen[:3]}. Give a placebo that has seen neither side, or none."
            )
        answered = ShadowDataModule(copy.copy(self.shadow), self._unrestricted.answered_by(target, store))
        answered._is_placebo = True
        return answered

    def answers(self, rows: Sequence[int]) -> list[NDArray[np.uint8]]:
        """See `JudgedDataModule`."""
        return self.attacked.answers([row - len(self.shadow.view.known) for row in rows])

    def likeness(self) -> NDArray[np.float64]:
        """See `JudgedDataModule`."""
        return np.concatenate([self.shadow.likeness(), self.attacked.likeness()])

    # ------------------------------------------------------------------ Lightning

    def prepare_data(self) -> None:
        """Load both tables, lock both splits, and leave out the records that nobody looks at.

        Raises:
            SplitError: If a group trains or calibrates the head on one side and tests it on the other.
            RecordError: If the sides are described by different encoders or captioners.
            TargetError: If the shadow is the attacked target.
        """
        self._follow()
        self._check_tools()
        self._check_targets()
        for part in self.parts:
            part.prepare_data()
        _ = self._unrestricted  # before the view is cut
        self.shadow.keep_splits(LEARNED)
        self.attacked.keep_splits(("test",))
        both = self._tested_among(_names(self.shadow.view.labelled))
        if both:
            raise SplitError(
                f"{len(both)} records that are tested on the attacked target, or others of their groups, are learned "
                f"from on the shadow target, e.g. {both[:3]}. Give both sides the same `split_seed` and `fractions`; "
                "if they have, one is so small that records were moved to fill a split: leave these out of a side."
            )

    def prepare(self, inputs: frozenset[str], stage: str = "fit") -> None:
        """See `JudgedDataModule`."""
        for part in self.parts:
            part.prepare(inputs, stage)

    def setup(self, stage: str) -> None:
        """Ask both targets what is missing; to predict, the attacked one alone."""
        self._follow()
        self._predicts = stage == "predict"
        for part in (self.attacked,) if self._predicts else self.parts:
            part.setup(stage)

    def predict_dataloader(self) -> DataLoader[PairBatch]:
        """The records of unknown membership, with the attacked target's answers."""
        return self.attacked.predict_dataloader()

    def example(self) -> PairBatch:
        """One record, to learn the shapes from."""
        return self.attacked.example()

    # ------------------------------------------------------------------ two sides

    @cached_property
    def _unrestricted(self) -> AuxiliaryDataModule:
        """The attacked side with all its splits."""
        return copy.copy(self.attacked)

    @cached_property
    def _own_records(self) -> "_AttackedRecords":
        return _AttackedRecords(self.shadow, self.attacked, copy.copy(self._unrestricted))

    def _follow(self) -> None:
        """Let both sides see the trainer."""
        for part in self.parts:
            part.trainer = self.trainer

    def _tested_among(self, names: set[str]) -> list[str]:
        """Ids of the tested records that are among some names, or whose groups are."""
        tested = self.attacked.view.labelled
        return [name for name, group in zip(tested.ids, tested.groups, strict=True) if {name, group} & names]

    def _check_targets(self) -> None:
        shadow, attacked = self.shadow.target, self.attacked.target
        if not self._is_placebo and model_of(shadow.fingerprint()) == model_of(attacked.fingerprint()):
            raise TargetError(
                f"The shadow {shadow.name!r} is the attacked target itself, so nothing is learned on another one. Give "
                "the shadow's own target, or an AuxiliaryDataModule for an attacker who knows members of the attacked."
            )

    def _check_tools(self) -> None:
        for what, of in (("encoder", "encoder_fingerprint"), ("captioner", "captioner_fingerprint")):
            if getattr(self.shadow, of)() != getattr(self.attacked, of)():
                raise RecordError(
                    f"The {what} of the shadow is another than that of the attacked side, so a head would be tested on "
                    f"what it has not learned to read. Give both the same `{what}`."
                )


@final
class _AttackedRecords(JoinedDataModule):
    """The table of a shadow's audit with the attacked side's own train, val and calibration records after it.

    Controls learn from these. Nothing is asked about them, so they have no answers.

    Args:
        shadow: The shadow's side.
        attacked: The attacked side's test split.
        own: The attacked side with all its splits.
    """

    def __init__(self, shadow: AuxiliaryDataModule, attacked: AuxiliaryDataModule, own: AuxiliaryDataModule) -> None:
        own.keep_splits(LEARNED)
        super().__init__((shadow, attacked, own), learned=own, judged=attacked, numbered=True)
        self._own = own

    def prepare(self, inputs: frozenset[str], stage: str = "fit") -> None:
        """Build arrays of inputs without a target; the sides that are asked must be prepared."""
        self._own.build(inputs, stage)

    def answered_by(self, target: Target, store: str) -> "_AttackedRecords":
        """Itself: no target is asked."""
        return self

    def answers(self, rows: Sequence[int]) -> list[NDArray[np.uint8]]:
        """Nothing: no target is asked."""
        return []


def _names(records: Records) -> set[str]:
    """Ids and groups: where equal images were grouped, a group may have different names on two sides."""
    return {*records.ids, *records.groups}
