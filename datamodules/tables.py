"""The records of a source, their locked splits, and what remains of both when some records have no answer."""

from abc import ABC
from collections.abc import Iterable
from dataclasses import replace
from functools import cached_property
from pathlib import Path

import lightning as L
import numpy as np
from numpy.typing import NDArray

from datamodules.pairs import PairArrays
from datamodules.sources.base import RecordSource
from lit_mia.errors import RecordError, SplitError
from lit_mia.features.pixels import decode_images
from lit_mia.records import UNKNOWN, Records
from lit_mia.splits import Splits, assign_splits, check_splits, group_coin, lock_splits, remaining


class RecordDataModule(L.LightningDataModule, ABC):
    """Records and their splits, which are disjoint by group, drawn by a hash, and locked in the store.

    Args:
        source: Where the records come from.
        store: Folder of the split lock and cached arrays.
        image_size: Side in pixels of the query images.
        fractions: Shares of train, val, calibration and test.
        split_seed: Seed of the splits; a locked store refuses another.
        train_fraction: Share of the training groups that is used.
        train_draw: Which share, if not all are used.

    Raises:
        RecordError: If a setting is out of range.
    """

    def __init__(
        self,
        source: RecordSource,
        store: str,
        image_size: int,
        fractions: tuple[float, float, float, float],
        split_seed: int,
        train_fraction: float,
        train_draw: int,
    ) -> None:
        super().__init__()
        check_range(image_size=image_size)
        if not 0 < train_fraction <= 1:
            raise RecordError(f"`train_fraction` must be in (0, 1], but got {train_fraction}.")
        self.source, self.store_path, self.image_size = source, Path(store).expanduser(), image_size
        self.fractions, self.split_seed = fractions, split_seed
        self.train_fraction, self.train_draw = train_fraction, train_draw
        self.arrays: PairArrays | None = None
        self.skipped: list[str] = []
        self._left_out: set[str] = set()

    def captioned(self, records: Records) -> Records:
        """The readable records with the captions that the target is asked; the source's own by default."""
        return records

    @cached_property
    def all_records(self) -> Records:
        """The readable records of the source, of known and unknown membership; a large table is loaded once."""
        records = self.source.load()
        _, unreadable = decode_images(records, self.image_size, self.folder)
        self.skipped = [records.ids[row] for row in unreadable]
        gone = set(unreadable)
        return self.captioned(records.select([row for row in range(len(records)) if row not in gone]))

    @cached_property
    def labelled(self) -> Records:
        """The records of known membership: what is split and asked."""
        records = self.all_records
        return records.select([row for row, member in enumerate(records.members) if member != UNKNOWN])

    @cached_property
    def unlabelled(self) -> Records:
        """The records of unknown membership: what `predict` asks."""
        records = self.all_records
        return records.select([row for row, member in enumerate(records.members) if member == UNKNOWN])

    @cached_property
    def known(self) -> Records:
        """The labelled records that were not left out: what heads are trained and tested on."""
        return self._kept(self.labelled)

    @cached_property
    def unknown(self) -> Records:
        """The unlabelled records that were not left out: what `predict` scores."""
        return self._kept(self.unlabelled)

    @cached_property
    def locked_splits(self) -> Splits:
        """The splits of the labelled records, checked and locked.

        Raises:
            SplitError: If a split lacks a class, or the lock holds other splits.
        """
        splits = assign_splits(self.labelled, self.fractions, self.split_seed)
        check_splits(splits, self.labelled)
        lock_splits(splits, self.labelled, self.store_path / "splits.json")
        return splits

    @cached_property
    def splits(self) -> Splits:
        """The locked splits without the records that were left out; rows count in `known`.

        Raises:
            SplitError: If a split lacks a class.
        """
        splits = remaining(self.locked_splits, self.labelled, self._kept_rows(self.labelled))
        try:
            check_splits(splits, self.known)
        except SplitError as error:
            gone = len(self.labelled) - len(self.known)
            raise SplitError(f"After {gone} of {len(self.labelled)} records were refused: {error}") from None
        return splits

    def leave_out(self, ids: Iterable[str]) -> None:
        """Take some records out of all tables, splits and loaders, for good.

        Args:
            ids: Records that have no answer from this target or from one that it is compared with.
        """
        gone = self._left_out.union(ids)
        if gone == self._left_out:
            return
        self._left_out = gone
        self._count_anew()

    def leave_out_test(self) -> None:
        """Take the test split away for good, so that its records are neither asked about nor scored; the lock stays."""
        splits, test = self.locked_splits, set(self.locked_splits.rows["test"])
        kept = [row for row in range(len(self.labelled)) if row not in test]
        splits = remaining(splits, self.labelled, kept)
        self.labelled = self.labelled.select(kept)
        rows = {name: of_split for name, of_split in splits.rows.items() if name != "test"}
        self.locked_splits = replace(splits, rows=rows)
        self._count_anew()

    def _count_anew(self) -> None:
        """Forget what was derived from the records that were there before."""
        self.arrays = None
        for table in ("known", "unknown", "splits", "train_rows"):
            self.__dict__.pop(table, None)

    def _kept(self, records: Records) -> Records:
        rows = self._kept_rows(records)
        return records if len(rows) == len(records) else records.select(rows)

    def _kept_rows(self, records: Records) -> list[int]:
        return [row for row, name in enumerate(records.ids) if name not in self._left_out]

    @cached_property
    def train_rows(self) -> list[int]:
        """The training rows, or the drawn share of them."""
        rows = self.splits.rows["train"]
        if self.train_fraction == 1:
            return list(rows)
        draw = f"train/{self.train_draw}"
        kept = [row for row in rows if group_coin(draw, self.known.groups[row]) < self.train_fraction]
        if len({self.known.members[row] for row in kept}) < 2:
            raise RecordError(
                f"`train_fraction` {self.train_fraction} (draw {self.train_draw}) leaves {len(kept)} of {len(rows)} "
                "training records, not of both classes. Use a larger fraction or another draw."
            )
        return kept

    @property
    def folder(self) -> Path:
        """Where decoded images and computed features are."""
        return self.store_path / "features"

    def query_images(self, records: Records) -> NDArray[np.uint8]:
        """The query images of some records, uint8 `[n, 3, s, s]`."""
        images, _ = decode_images(records, self.image_size, self.folder)
        return images

    def share_records(self, other: "RecordDataModule") -> None:
        """Take over the records that another datamodule has loaded."""
        self.all_records, self.skipped = other.all_records, other.skipped


def check_range(**at_least_one: int) -> None:
    """Refuse settings below 1.

    Raises:
        RecordError: If one is.
    """
    for name, value in at_least_one.items():
        if value < 1:
            raise RecordError(f"`{name}` must be at least 1, but got {value}.")
