"""What a head needs of a datamodule, and what a datamodule needs to know of a head."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Protocol

import lightning as L

from lit_mia.features.encoders import Encoder
from lit_mia.pair_batch import PairBatch
from lit_mia.records import Records
from lit_mia.targets.base import AccessLevel


class Reader(Protocol):
    """A head as a datamodule sees it."""

    @property
    def name(self) -> str:
        """Its name, for messages."""

    @property
    def level(self) -> AccessLevel | None:
        """The access to the target that it needs; None if it does without."""

    @property
    def inputs(self) -> frozenset[str]:
        """Names of the inputs that it reads."""

    def check_encoder(self, encoder: Encoder) -> None:
        """Refuse an encoder whose embeddings it cannot use."""


class HeadDataModule(L.LightningDataModule, ABC):
    """Where the batches of a head come from."""

    @property
    @abstractmethod
    def table(self) -> Records:
        """The records that are tested or predicted; rows of batches count in it."""

    @abstractmethod
    def check_head(self, head: Reader) -> None:
        """Refuse a head that cannot be served; asks nothing.

        Raises:
            HeadError: If it reads what is not provided here.
            TargetError: If it needs another access level.
            EncoderError: If it needs another encoder.
        """

    @abstractmethod
    def example(self) -> PairBatch:
        """One record, to learn the shapes from."""

    @abstractmethod
    def train_batches(self) -> Iterator[PairBatch]:
        """The training records in order, on every rank."""

    @abstractmethod
    def batches(self) -> Iterator[PairBatch]:
        """All records of the table in order."""

    @abstractmethod
    def hashes(self) -> dict[str, str]:
        """What the splits and the answers are, as hashes."""
