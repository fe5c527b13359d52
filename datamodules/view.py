"""The records of an audit as one immutable view: who is asked, who is in which split, and who was left out and why."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Literal, Self

from lit_mia.errors import RecordError, SplitError
from lit_mia.features.duplicates import Duplicates, told
from lit_mia.ranges import POSITIVE_SHARE, check
from lit_mia.records import MEMBER, NON_MEMBER, UNKNOWN, Records
from lit_mia.splits import (
    IdSets,
    Splits,
    assign_splits,
    check_fractions,
    check_splits,
    group_coin,
    lock_splits,
    relabelled,
    remaining,
)

NearDuplicates = Literal["report", "group", "refuse"]


@dataclass(frozen=True)
class Splitting:
    """How records are split, and which of the training records are used.

    Attributes:
        fractions: Shares of train, val, calibration and test.
        seed: Seed of the splits.
        train_fraction: Share of the training groups that is used.
        train_draw: Which share, if not all are used.
        near_duplicates: What is done about equal and nearly equal images of several groups; None groups them where the
            source states no groups, and reports them where it does.

    Raises:
        SplitError: If `fractions` do not sum to 1.
        RecordError: If `train_fraction` is not in (0, 1].
    """

    fractions: tuple[float, float, float, float]
    seed: int
    train_fraction: float
    train_draw: int
    near_duplicates: NearDuplicates | None = None

    def __post_init__(self) -> None:
        """Check the shares."""
        check_fractions(self.fractions)
        check(RecordError, POSITIVE_SHARE(train_fraction=self.train_fraction))

    def how(self, records: Records) -> NearDuplicates:
        """What is done about equal and nearly equal images of some records."""
        return self.near_duplicates or ("report" if records.grouped else "group")

    def regrouped(self, records: Records, duplicates: Sequence[Duplicates]) -> Records:
        """The records, with those that show the same in one group if they shall be.

        Args:
            records: The records.
            duplicates: Those of them that show the same.

        Raises:
            RecordError: If there are some, and they are refused.
        """
        how = self.how(records)
        if how == "refuse" and duplicates:
            raise RecordError(f"{told(duplicates)} Keep one of each, or set `near_duplicates` to `group` or `report`.")
        return records.joined(of.ids for of in duplicates) if how == "group" else records

    def split_of(self, records: Records) -> dict[str, str]:
        """Id → split of some records, those of known membership."""
        rows = assign_splits(records, self.fractions, self.seed).rows
        return {records.ids[row]: name for name, of_split in rows.items() for row in of_split}

    def locked(self, records: Records, usable: Collection[str], lock: Path, alike: IdSets) -> Splits:
        """The splits of some records, checked and locked.

        Args:
            records: The records, also those that cannot be used now, so that another run may find that they can.
            usable: Ids of those that can.
            lock: The file of the lock.
            alike: Ids that an encoder takes for the same image; the lock remembers them where they are grouped.

        Returns:
            The splits of the usable ones; rows count among these.

        Raises:
            SplitError: If a split lacks a class, or the lock holds other splits.
        """
        rows = [row for row, name in enumerate(records.ids) if name in usable]
        splits, kept = assign_splits(records, self.fractions, self.seed), records.select(rows)
        rest = remaining(splits, records, rows)
        check_splits(rest, kept)
        grouped = alike if self.how(records) == "group" else ()
        former = assign_splits(kept, self.fractions, self.seed).digest if len(kept) < len(records) else None
        return replace(rest, digest=lock_splits(splits, records, lock, former=former, alike=grouped))

    def train_rows(self, records: Records, splits: Splits) -> list[int]:
        """The training rows, or the drawn share of them.

        Args:
            records: The table that was split.
            splits: Its splits.

        Raises:
            RecordError: If the share lacks a class.
        """
        rows = splits.rows["train"]
        if self.train_fraction == 1:
            return list(rows)
        kept = [
            row for row in rows if group_coin(f"train/{self.train_draw}", records.groups[row]) < self.train_fraction
        ]
        if len({records.members[row] for row in kept}) < 2:
            raise RecordError(
                f"`train_fraction` {self.train_fraction} (draw {self.train_draw}) leaves {len(kept)} of {len(rows)} "
                "training records, not of both classes. Use a larger fraction or another draw."
            )
        return kept


@dataclass(frozen=True)
class RecordView:
    """Records, their splits, and what remains of both; a record that leaves makes another view.

    Attributes:
        everyone: All records of known membership, also those that cannot be used: what is split.
        labelled: Those of them that can be used: what is asked.
        unlabelled: The usable records of unknown membership: what `predict` asks.
        lock: Gives the locked splits of those of some records whose ids are given; called when they are first looked
            at.
        skipped: Id → why a record is in neither table: its image cannot be read, or it has no caption.
        duplicates: Those of the labelled records that show the same.
        refused: Id → why a record of a table was left out: a target did not answer.
    """

    everyone: Records
    labelled: Records
    unlabelled: Records
    lock: Callable[[Records, Collection[str]], Splits]
    skipped: Mapping[str, str] = field(default_factory=dict)
    refused: Mapping[str, str] = field(default_factory=dict)
    duplicates: Sequence[Duplicates] = ()

    @classmethod
    def of(
        cls,
        records: Records,
        usable: Records,
        lock: Callable[[Records, Collection[str]], Splits],
        skipped: Mapping[str, str],
        *,
        duplicates: Sequence[Duplicates] = (),
    ) -> Self:
        """The view of a table.

        Args:
            records: The table.
            usable: The records of it whose images can be read and have captions.
            lock: See the attributes.
            skipped: Why the others cannot be used.
            duplicates: See the attributes.
        """
        return cls(
            everyone=records.select(records.rows_of(MEMBER, NON_MEMBER)),
            labelled=usable.select(usable.rows_of(MEMBER, NON_MEMBER)),
            unlabelled=usable.select(usable.rows_of(UNKNOWN)),
            lock=lock,
            skipped=dict(skipped),
            duplicates=duplicates,
        )

    def asked(self, stage: str) -> Records:
        """What is asked for a stage of Lightning, whose splits are locked before.

        Raises:
            RecordError: If there is nothing to predict.
            SplitError: See `locked`.
        """
        if stage != "predict":
            _ = self.locked
            return self.labelled
        if not len(self.unlabelled):
            raise RecordError(
                "`predict` scores records of unknown membership, but every record of the source is labelled. "
                "Leave their `member` empty, or set `member_column: null`."
            )
        return self.unlabelled

    def answered(self, stage: str) -> Records:
        """Those of the records that are asked for a stage of Lightning that were not left out.

        Raises:
            RecordError: If there is nothing left to predict.
            SplitError: See `splits`.
        """
        if stage != "predict":
            _ = self.splits
            return self.known
        if not len(self.unknown):
            raise RecordError(f"The target refused all {len(self.unlabelled)} records to predict.")
        return self.unknown

    @cached_property
    def locked(self) -> Splits:
        """The splits of the labelled records.

        Raises:
            SplitError: If a split lacks a class, or the lock holds other splits.
        """
        return self.lock(self.everyone, set(self.labelled.ids))

    @cached_property
    def known(self) -> Records:
        """The labelled records that were not left out: what heads are trained and tested on."""
        return self._remaining(self.labelled)

    @cached_property
    def unknown(self) -> Records:
        """The unlabelled records that were not left out: what `predict` scores."""
        return self._remaining(self.unlabelled)

    @cached_property
    def splits(self) -> Splits:
        """The locked splits without the records that were left out; rows count in `known`.

        Raises:
            SplitError: If a split lacks a class.
        """
        splits = remaining(self.locked, self.labelled, self._rows(self.labelled))
        try:
            check_splits(splits, self.known)
        except SplitError as error:
            gone = len(self.labelled) - len(self.known)
            raise SplitError(f"After {gone} of {len(self.labelled)} records were refused: {error}") from None
        return splits

    def without(self, refused: Mapping[str, str]) -> Self:
        """The view without records that have no answer from a target; itself if they are gone already.

        Args:
            refused: Id → reason.
        """
        new = {name: reason for name, reason in refused.items() if name not in self.refused}
        return replace(self, refused={**self.refused, **new}) if new else self

    def of_splits(self, names: Collection[str]) -> Self:
        """The view of some splits, so that other records are neither asked about nor scored; the lock stays.

        Args:
            names: Those that are kept; itself if there are no others.
        """
        locked = self.locked
        kept = sorted(row for name in locked.rows.keys() & set(names) for row in locked.rows[name])
        if locked.rows.keys() <= set(names):
            return self
        rest = remaining(locked, self.labelled, kept)
        splits = replace(rest, rows={name: rows for name, rows in rest.rows.items() if name in names})
        return replace(self, labelled=self.labelled.select(kept), lock=lambda *_: splits)

    def relabelled(self, members: Sequence[int]) -> Self:
        """The view of the known records, in their splits, with other labels; nobody who was left out comes back.

        Args:
            members: 1 or 0 for each of `known`.
        """
        known = self.known.relabelled(members)
        splits = relabelled(self.splits, known)
        return replace(self, everyone=known, labelled=known, lock=lambda *_: splits)

    def _remaining(self, records: Records) -> Records:
        rows = self._rows(records)
        return records if len(rows) == len(records) else records.select(rows)

    def _rows(self, records: Records) -> Sequence[int]:
        return [row for row, name in enumerate(records.ids) if name not in self.refused]
