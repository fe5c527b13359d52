"""The records of an audit as one immutable view: who is asked, who is in which split, and who was left out and why."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Self

from lit_mia.errors import RecordError, SplitError
from lit_mia.records import UNKNOWN, Records
from lit_mia.splits import Splits, assign_splits, check_splits, group_coin, lock_splits, remaining


@dataclass(frozen=True)
class Splitting:
    """How records are split, and which of the training records are used.

    Attributes:
        fractions: Shares of train, val, calibration and test.
        seed: Seed of the splits.
        train_fraction: Share of the training groups that is used.
        train_draw: Which share, if not all are used.

    Raises:
        RecordError: If `train_fraction` is not in (0, 1].
    """

    fractions: tuple[float, float, float, float]
    seed: int
    train_fraction: float
    train_draw: int

    def __post_init__(self) -> None:
        """Check the share."""
        if not 0 < self.train_fraction <= 1:
            raise RecordError(f"`train_fraction` must be in (0, 1], but got {self.train_fraction}.")

    def locked(self, records: Records, lock: Path) -> Splits:
        """The splits of some records, checked and locked.

        Args:
            records: The records.
            lock: The file of the lock.

        Raises:
            SplitError: If a split lacks a class, or the lock holds other splits.
        """
        splits = assign_splits(records, self.fractions, self.seed)
        check_splits(splits, records)
        lock_splits(splits, records, lock)
        return splits

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
        labelled: The readable records of known membership: what is split and asked.
        unlabelled: The readable records of unknown membership: what `predict` asks.
        lock: Gives the locked splits of the labelled records; called when they are first looked at.
        skipped: Id → why a record is in neither table: its image cannot be read, or it has no caption.
        refused: Id → why a record of a table was left out: a target did not answer.
    """

    labelled: Records
    unlabelled: Records
    lock: Callable[[Records], Splits]
    skipped: Mapping[str, str] = field(default_factory=dict)
    refused: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, records: Records, lock: Callable[[Records], Splits], skipped: Mapping[str, str]) -> Self:
        """The view of a table.

        Args:
            records: The readable records.
            lock: Splits records of known membership.
            skipped: The others.
        """
        known = [row for row, member in enumerate(records.members) if member != UNKNOWN]
        unknown = [row for row, member in enumerate(records.members) if member == UNKNOWN]
        return cls(records.select(known), records.select(unknown), lock, skipped)

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

    @cached_property
    def locked(self) -> Splits:
        """The splits of the labelled records.

        Raises:
            SplitError: If a split lacks a class, or the lock holds other splits.
        """
        return self.lock(self.labelled)

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

    def without_test(self) -> Self:
        """The view without the test split, so that its records are neither asked about nor scored; the lock stays."""
        locked = self.locked
        test = set(locked.rows["test"])
        kept = [row for row in range(len(self.labelled)) if row not in test]
        rest = remaining(locked, self.labelled, kept)
        splits = replace(rest, rows={name: rows for name, rows in rest.rows.items() if name != "test"})
        return replace(self, labelled=self.labelled.select(kept), lock=lambda _: splits)

    def _remaining(self, records: Records) -> Records:
        rows = self._rows(records)
        return records if len(rows) == len(records) else records.select(rows)

    def _rows(self, records: Records) -> Sequence[int]:
        return [row for row, name in enumerate(records.ids) if name not in self.refused]
