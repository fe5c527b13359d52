"""What an audit knows of any attack, what a datamodule knows of a head, and what a head needs of a datamodule."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, ClassVar

import lightning as L

from lit_mia.attacks.origins import Origin
from lit_mia.features.encoders import Encoder
from lit_mia.openings import Openings
from lit_mia.pair_batch import PairBatch
from lit_mia.records import Records, id_hash
from lit_mia.targets.base import AccessLevel

MARK = 16
"""Hexadecimal digits of a mark."""
WITHOUT_TARGET = frozenset({"image", "image_embedding", "text_embedding"})
"""Inputs that no target makes; all others depend on what it answers."""


def marks(records: Records, rows: Iterable[int]) -> frozenset[str]:
    """What tells some records, and those of their groups, again without saying who they are.

    Args:
        records: The table.
        rows: Rows of it.
    """
    return frozenset(id_hash(name)[:MARK] for row in rows for name in (records.ids[row], records.groups[row]))


class AuditedAttack(ABC):
    """An attack that an audit can measure.

    Attributes:
        name: The attack's name in reports.
        level: The access to the target that it needs; None if it does without, as controls do.
        scored_by: How records are scored by it: `head` (trained on pairs), `statistic` (a formula), `rule` (a decision
            without a threshold). An audit refuses what it has no scorer for.
    """

    name: str
    level: AccessLevel | None
    scored_by: ClassVar[str]


class Reader(AuditedAttack):
    """A head as a datamodule sees it.

    Attributes:
        inputs: Names of what it reads; a datamodule provides them or refuses the head.
    """

    inputs: ClassVar[frozenset[str]]

    def check_encoder(self, encoder: Encoder) -> None:
        """Refuse an encoder whose embeddings this head cannot use; most heads can use any.

        Raises:
            EncoderError: If the head cannot use it.
        """


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

    def learned(self) -> frozenset[str]:
        """Marks of the records that heads learn from, choose and calibrate on (see `marks`); empty if not known."""
        return frozenset()

    def origin(self, head: Reader) -> Origin:
        """What the inputs of a head are made of where it learns; nothing where that is not known."""
        return {}

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

    @abstractmethod
    def count_opening(self, command: str, config: Mapping[str, Any]) -> Openings:
        """Put down that the test split is opened, before anybody reads what it says.

        Args:
            command: What opens it: `audit`, `test` or `script`.
            config: What is configured; equal ones are one configuration.

        Returns:
            How often it was opened so far, this time included.

        Raises:
            StoreError: If that cannot be put down.
        """
