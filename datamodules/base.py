"""What every audit's datamodule shares: records, locked splits, and loaders over arrays of what the target answered."""

import logging
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import lightning as L
import numpy as np
from numpy.typing import NDArray
from torch.utils.data import DataLoader

from datamodules.pairs import PairArrays, PairDataset
from datamodules.sources.base import RecordSource
from lit_mia.attacks.base import Attack
from lit_mia.errors import RecordError, SplitError
from lit_mia.features.pixels import decode_images
from lit_mia.queries.cost import Cost, Estimate
from lit_mia.records import UNKNOWN, PairBatch, Records
from lit_mia.splits import Splits, assign_splits, check_splits, group_coin, lock_splits, remaining
from lit_mia.targets.base import Target

logger = logging.getLogger(__name__)


class AuditDataModule(L.LightningDataModule, ABC):
    """Records of known membership and what a target answers about them.

    What is missing is asked in `setup`, each rank asking its own share, and what was kept is not asked again. Splits
    are disjoint by group, drawn by a hash, and locked in the store before the first query. Records that the target
    refuses to answer leave the locked splits: they are neither trained on nor scored.

    Args:
        source: Where the records come from.
        store: Folder of the target's answers, the split lock and cached arrays.
        image_size: Side in pixels of the query images.
        fractions: Shares of train, val, calibration and test.
        split_seed: Seed of the splits; a locked store refuses another.
        query_seed: Seed of the target's randomness; the seed of a record also depends on its id.
        train_fraction: Share of the training groups that is used.
        train_draw: Which share, if not all are used.
        batch_size: Records per step.
        num_workers: Worker processes of each loader.
    """

    target: Target

    def __init__(
        self,
        source: RecordSource,
        store: str,
        image_size: int,
        fractions: tuple[float, float, float, float],
        split_seed: int,
        query_seed: int,
        train_fraction: float,
        train_draw: int,
        batch_size: int,
        num_workers: int,
    ) -> None:
        super().__init__()
        check_range(image_size=image_size, batch_size=batch_size)
        if not 0 < train_fraction <= 1:
            raise RecordError(f"`train_fraction` must be in (0, 1], but got {train_fraction}.")
        self.source, self.store_path, self.image_size = source, Path(store).expanduser(), image_size
        self.fractions, self.split_seed, self.query_seed = fractions, split_seed, query_seed
        self.train_fraction, self.train_draw = train_fraction, train_draw
        self.batch_size, self.num_workers = batch_size, num_workers
        self.arrays: PairArrays | None = None
        self.cost = Cost()
        self.skipped: list[str] = []
        self._left_out: set[str] = set()

    def encoder_fingerprint(self) -> dict[str, Any]:
        """What the attacker's encoder is; empty where none is used."""
        return {}

    def check_head(self, head: Attack) -> None:
        """Refuse a head that the encoder cannot serve; asks nothing.

        Raises:
            EncoderError: If the head needs another encoder.
        """

    def captioner_fingerprint(self) -> dict[str, Any]:
        """What the attacker's captioner is; empty where the captions are the source's own."""
        return {}

    def captioned(self, records: Records) -> Records:
        """The readable records with the captions that the target is asked; the source's own by default."""
        return records

    # ------------------------------------------------------------------ what a concrete datamodule asks

    @abstractmethod
    def estimate(self) -> Estimate:
        """What the missing answers for the known records would cost; asks nothing."""

    @abstractmethod
    def answered_by(self, target: Any, store: str) -> Self:
        """The same records, splits and settings with the answers of another target (a placebo)."""

    @abstractmethod
    def store_digest(self) -> str:
        """SHA-256 of the answers."""

    @abstractmethod
    def answers(self, rows: Sequence[int]) -> list[NDArray[np.uint8]]:
        """An image that the target made for each of some known records, `[h, w, 3]`."""

    @abstractmethod
    def arrays_of(self, inputs: frozenset[str]) -> PairArrays:
        """Arrays of `inputs` for the records of `self.table`, whose answers are there."""

    @abstractmethod
    def fill(self, records: Records, rank: int, world_size: int) -> None:
        """Ask this rank's share of what is missing for some records, and add to `self.cost`."""

    def refusals(self, records: Records) -> dict[str, str]:
        """Id → reason of those of some records that the target refused to answer; none by default."""
        return {}

    # ------------------------------------------------------------------ records and splits

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

    # ------------------------------------------------------------------ queries

    def query(self, rank: int = 0, world_size: int = 1) -> None:
        """Ask what is missing for the labelled records, and leave out those that the target refuses."""
        self.fill(self.labelled, rank, world_size)
        self._leave_out_refused(self.labelled)

    def _leave_out_refused(self, records: Records) -> None:
        refused = self.refusals(records)
        if not self._left_out.issuperset(refused):
            name, reason = next(iter(refused.items()))
            n, total = len(refused), len(records)
            message = "The target %s refused %d of %d records, which are left out, e.g. %s: %s"
            logger.warning(message, self.target.name, n, total, name, reason)
        self.leave_out(refused)

    def hashes(self) -> dict[str, str]:
        """What the splits and the answers are, as hashes."""
        return {"split_digest": self.splits.digest, "store_digest": self.store_digest()}

    # ------------------------------------------------------------------ Lightning

    def prepare_data(self) -> None:
        """Load and decode the records and lock the splits, once per node."""
        if len(self.labelled):
            _ = self.locked_splits

    def setup(self, stage: str) -> None:
        """Fill this rank's share of the store, then build the arrays that the head needs."""
        asked = self._all_of(stage)
        trainer: Any = self.trainer
        self.check_head(trainer.lightning_module)
        inputs = trainer.lightning_module.inputs
        if self.arrays is not None and self.table is self._table(stage) and self.arrays.hold(inputs):
            return
        self.fill(asked, trainer.global_rank, trainer.world_size)
        trainer.strategy.barrier("queries")
        if trainer.is_global_zero:  # the others find the features cached
            self.prepare(inputs, stage)
        trainer.strategy.barrier("features")
        self.prepare(inputs, stage)

    def prepare(self, inputs: frozenset[str], stage: str = "fit") -> None:
        """Build arrays of `inputs` for the records of a stage, asking what is still missing."""
        asked = self._all_of(stage)
        if stage != "predict":
            _ = self.locked_splits
        self.fill(asked, 0, 1)
        self._leave_out_refused(asked)
        self.table = self._table(stage)
        self.arrays = self.arrays_of(inputs)

    def example(self) -> PairBatch:
        """One record, to learn the shapes from."""
        return self._dataset([0]).arrays.batch([0])

    def train_batches(self) -> Iterator[PairBatch]:
        """The training records in order, on every rank."""
        return self._dataset(self.train_rows).batches(self.batch_size)

    def train_dataloader(self) -> DataLoader[PairBatch]:
        """The training split, shuffled."""
        return self._dataset(self.train_rows).loader(self.batch_size, True, self.num_workers)

    def val_dataloader(self) -> list[DataLoader[PairBatch]]:
        """The val split, which chooses the epoch, and the calibration split, which sets the threshold."""
        return [self._split_loader("val"), self._split_loader("calibration")]

    def test_dataloader(self) -> DataLoader[PairBatch]:
        """The test split."""
        return self._split_loader("test")

    def predict_dataloader(self) -> DataLoader[PairBatch]:
        """The records of unknown membership."""
        return self._dataset(range(len(self.unknown))).loader(self.batch_size)

    def batches(self) -> Iterator[PairBatch]:
        """All records of the table in order."""
        return self._dataset(range(len(self.table))).batches(self.batch_size)

    def _split_loader(self, split: str) -> DataLoader[PairBatch]:
        return self._dataset(self.splits.rows[split]).loader(self.batch_size)

    def _dataset(self, rows: "range | list[int] | tuple[int, ...]") -> PairDataset:
        if self.arrays is None:
            raise RecordError("The datamodule was not set up: call `setup` (a Trainer does) before its loaders.")
        return PairDataset(self.arrays, rows)

    def _all_of(self, stage: str) -> Records:
        if stage != "predict":
            return self.labelled
        if not self.unlabelled:
            raise RecordError(
                "`predict` scores records of unknown membership, but every record of the source is labelled. "
                "Leave their `member` empty, or set `member_column: null`."
            )
        return self.unlabelled

    def _table(self, stage: str) -> Records:
        if stage != "predict":
            _ = self.splits
            return self.known
        if not self.unknown:
            raise RecordError(f"The target {self.target.name!r} refused all {len(self.unlabelled)} records to predict.")
        return self.unknown

    # ------------------------------------------------------------------ arrays

    @property
    def folder(self) -> Path:
        """Where decoded images and computed features are."""
        return self.store_path / "features"

    def query_images(self, records: Records) -> NDArray[np.uint8]:
        """The query images of some records, uint8 `[n, 3, s, s]`."""
        images, _ = decode_images(records, self.image_size, self.folder)
        return images

    def share_records(self, other: "AuditDataModule") -> None:
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
