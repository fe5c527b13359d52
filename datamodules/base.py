"""What every audit's datamodule shares: asking a target about records, and loaders over arrays of what it answered."""

import logging
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from torch.utils.data import DataLoader

from datamodules.pairs import PairArrays, PairDataset
from datamodules.sources.base import RecordSource
from datamodules.tables import RecordDataModule, check_range
from lit_mia.attacks.base import Attack
from lit_mia.cost import Cost, Estimate
from lit_mia.errors import RecordError
from lit_mia.records import PairBatch, Records
from lit_mia.targets.base import Target

logger = logging.getLogger(__name__)


class AuditDataModule(RecordDataModule, ABC):
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
        super().__init__(source, store, image_size, fractions, split_seed, train_fraction, train_draw)
        check_range(batch_size=batch_size)
        self.query_seed, self.batch_size, self.num_workers = query_seed, batch_size, num_workers
        self.cost = Cost()

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
