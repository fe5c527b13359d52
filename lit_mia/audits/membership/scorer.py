"""What makes the rows of a membership audit: attacks and their controls, each with a score for every record."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar

from datamodules.base import AuditDataModule
from lit_mia.attacks.data import AuditedAttack
from lit_mia.report.membership.evidence import RowScores
from lit_mia.targets.base import Target


class Scorer(ABC):
    """Asks the targets and scores all records by every attack of one way of scoring, and by its controls.

    Attributes:
        name: The way of scoring: `AuditedAttack.scored_by` of the attacks.
    """

    name: ClassVar[str]

    @property
    @abstractmethod
    def attacks(self) -> Sequence[AuditedAttack]:
        """The attacks."""

    @property
    @abstractmethod
    def protocol(self) -> str:
        """Name of its entry in `PROTOCOLS`."""

    @abstractmethod
    def control_kinds(self) -> set[str]:
        """Kinds of the controls that its rows will have."""

    @abstractmethod
    def announce(self) -> None:
        """Tell the datamodules what they will be asked; asks nothing."""

    @abstractmethod
    def query(self) -> None:
        """Ask what is missing, and nothing more."""

    @abstractmethod
    def rows(self, heads: Path) -> list[RowScores]:
        """Train what has to be trained, and score, once everything was asked and what is refused was left out.

        Args:
            heads: Folder for trained heads.
        """

    @abstractmethod
    def add_placebo(self, target: Target, store: str) -> None:
        """Ask a target that saw neither side the same.

        Args:
            target: The target.
            store: Folder of its answers.
        """

    @abstractmethod
    def sides(self) -> Mapping[str, AuditDataModule]:
        """The datamodules by role: `target`, and `placebo` if there is one."""
