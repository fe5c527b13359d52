"""What makes the rows of an audit: attacks and their controls, each with a score for every record."""

from abc import ABC, abstractmethod
from pathlib import Path

from datamodules.base import AuditDataModule
from lit_mia.report.numbers import RowScores
from lit_mia.report.schema import Protocol


class RowMaker(ABC):
    """Asks the targets and scores all records by every attack and control.

    Attributes:
        data: Records and the target's answers.
        placebo: The same records and a placebo's answers, or None.
    """

    data: AuditDataModule
    placebo: AuditDataModule | None

    @property
    @abstractmethod
    def protocol(self) -> Protocol:
        """How records are scored."""

    @abstractmethod
    def announce(self) -> None:
        """Tell the datamodules what they will be asked; asks nothing."""

    @abstractmethod
    def query(self) -> None:
        """Ask what is missing, leave out what is refused, and nothing more."""

    @abstractmethod
    def rows(self, heads: Path) -> list[RowScores]:
        """Ask what is missing, train what has to be trained, and score.

        Args:
            heads: Folder for trained heads.
        """

    def leave_out_refused(self) -> None:
        """Leave what one of the targets refuses out on all sides, so that scores are about the same records."""
        sides = self.answers().values()
        for refused in [data.refusals(data.labelled) for data in sides]:
            for data in sides:
                data.leave_out(refused)

    def answers(self) -> dict[str, AuditDataModule]:
        """The datamodules by role."""
        return {"target": self.data} | ({"placebo": self.placebo} if self.placebo is not None else {})
