"""What an audit learns from and judges by: labelled records in splits, and loaders over what heads read of them."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from torch.utils.data import DataLoader

from datamodules.pairs import Loading, PairArrays, PairDataset
from datamodules.prompts import Prompts
from datamodules.sources.base import RecordSource
from datamodules.view import RecordView, Splitting
from lit_mia.attacks.base import Attack
from lit_mia.attacks.data import HeadDataModule, marks
from lit_mia.cost import Cost, Estimate
from lit_mia.errors import HeadError, RecordError
from lit_mia.pair_batch import PairBatch
from lit_mia.records import Records
from lit_mia.splits import LEARNED
from lit_mia.targets.base import Target

NOT_SET_UP = "The datamodule was not set up: call `setup` (a Trainer does) before its loaders."


class JudgedDataModule(HeadDataModule, ABC):
    """A table of labelled records: what is learned, chosen and calibrated on, and a test split that is judged.

    Attributes:
        scored_by: The ways of scoring (`AuditedAttack.scored_by`) that it serves.
        source: Where the judged records come from.
        target: The model under audit.
        store_path: Folder of its answers.
        loading: How batches are loaded.
        prompts: Which captions the target and the attacks are given.
    """

    scored_by: ClassVar[frozenset[str]]
    source: RecordSource
    target: Target
    store_path: Path
    loading: Loading
    prompts: Prompts

    # ------------------------------------------------------------------ what a concrete one says

    @property
    @abstractmethod
    def view(self) -> RecordView:
        """The records as they are now."""

    @property
    @abstractmethod
    def arrays(self) -> PairArrays | None:
        """What heads read, in the order of the table; None before it was prepared."""

    @property
    @abstractmethod
    def train_rows(self) -> list[int]:
        """The rows that are learned from."""

    @abstractmethod
    def sides(self) -> "Mapping[str, AskedDataModule]":
        """Who is asked what, by role: the attacked `target`, and a `shadow` if heads learn on one."""

    def further_tables(self) -> "Mapping[str, JudgedDataModule]":
        """What controls learn from besides, by what their rows are called after; mostly nothing.

        Each begins with the records of this table, in their order; only inputs without a target are prepared of it.
        """
        return {}

    @abstractmethod
    def answered_by(self, target: Target, store: str) -> Self:
        """The same with the answers of another target (a placebo) in place of the attacked one's."""

    def relabelled(self, members: Sequence[int]) -> Self:
        """The same records, splits and answers with other labels of the known records; asks nothing.

        Args:
            members: 1 or 0 for each of them.

        Raises:
            HeadError: If that cannot be done.
        """
        raise HeadError(
            f"The labels of a {type(self).__name__} cannot be drawn anew: it holds those of several models."
        )

    @abstractmethod
    def provides(self) -> frozenset[str]:
        """Names of the inputs that heads may read."""

    @abstractmethod
    def prepare(self, inputs: frozenset[str], stage: str = "fit") -> None:
        """Build arrays of `inputs` for the records of a stage, asking what is still missing."""

    @abstractmethod
    def check_openings(self) -> None:
        """Refuse what `count_opening` would, before anything is paid or trained.

        Raises:
            StoreError: If the openings of the test split cannot be read, or be put down anywhere.
        """

    @abstractmethod
    def answers(self, rows: Sequence[int]) -> list[NDArray[np.uint8]]:
        """An image that the target made for each of some records of test, `[h, w, 3]`."""

    def likeness(self) -> NDArray[np.float64] | None:
        """How like each known record the answers are, `[n]`; None where they cannot be compared."""
        return None

    def encoder_fingerprint(self) -> dict[str, Any]:
        """What the attacker's encoder is; empty where none is used."""
        return {}

    def captioner_fingerprint(self) -> dict[str, Any]:
        """What the attacker's captioner is; empty where the captions are the source's own."""
        return {}

    @property
    def folder(self) -> Path:
        """Where decoded images and computed features are."""
        return self.store_path / "features"

    # ------------------------------------------------------------------ Lightning

    def learned(self) -> frozenset[str]:
        """See `HeadDataModule`."""
        splits = self.view.splits.rows
        return marks(self.view.known, [row for name in LEARNED for row in splits[name]])

    def example(self) -> PairBatch:
        """One record, to learn the shapes from."""
        return self._dataset([0]).arrays.batch([0])

    def train_batches(self) -> Iterator[PairBatch]:
        """The training records in order, on every rank."""
        return self._dataset(self.train_rows).batches(self.loading.batch_size)

    def train_dataloader(self) -> DataLoader[PairBatch]:
        """The training split, shuffled."""
        return self._dataset(self.train_rows).loader(self.loading, shuffle=True)

    def val_dataloader(self) -> list[DataLoader[PairBatch]]:
        """The val split, which chooses the epoch, and the calibration split, which sets the threshold."""
        return [self._loader(self.view.splits.rows[split]) for split in ("val", "calibration")]

    def test_dataloader(self) -> DataLoader[PairBatch]:
        """The test split."""
        return self._loader(self.view.splits.rows["test"])

    def predict_dataloader(self) -> DataLoader[PairBatch]:
        """The records of unknown membership."""
        return self._loader(range(len(self.view.unknown)))

    def batches(self) -> Iterator[PairBatch]:
        """All records of the table in order."""
        return self._dataset(range(len(self.table))).batches(self.loading.batch_size)

    def _loader(self, rows: Sequence[int]) -> DataLoader[PairBatch]:
        """Some rows in order, without workers, which would not pay for one pass."""
        return self._dataset(rows).loader(Loading(self.loading.batch_size))

    def _dataset(self, rows: Sequence[int]) -> PairDataset:
        if self.arrays is None:
            raise RecordError(NOT_SET_UP)
        return PairDataset(self.arrays, rows)

    def _head(self) -> Attack:
        """The head that the trainer trains.

        Raises:
            HeadError: If there is none.
        """
        head = None if self.trainer is None else self.trainer.lightning_module
        if not isinstance(head, Attack):
            raise HeadError(f"{type(self).__name__} serves the heads of lit_mia.attacks, not {type(head).__name__}.")
        return head


class AskedDataModule(JudgedDataModule, ABC):
    """One target, and the records that it is asked about.

    Attributes:
        splitting: How the records are split.
        cost: What was spent so far.
    """

    splitting: Splitting
    cost: Cost

    @abstractmethod
    def estimate(self) -> Estimate:
        """What the missing answers for the known records would cost; asks nothing."""

    @abstractmethod
    def check(self, records: Records) -> None:
        """Refuse what could only fail, or mislead, after the first query about some records; asks nothing.

        Raises:
            LitMiaError: Of the kind of what is wrong.
        """

    @abstractmethod
    def query(self) -> None:
        """Ask what is missing for the labelled records, and leave out those that the target refuses."""

    @abstractmethod
    def refusals(self, records: Records) -> dict[str, str]:
        """Id → reason of those of some records that the target refused to answer."""

    @abstractmethod
    def leave_out(self, refused: Mapping[str, str]) -> None:
        """Take records that have no answer, from this target or one that it is compared with, out of the view."""

    @abstractmethod
    def store_digest(self) -> str:
        """SHA-256 of the answers."""
