"""What every kind of audit offers."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lit_mia.cost import Cost, Estimate
from lit_mia.report.base import Picture, Result


@dataclass(frozen=True)
class Run:
    """What a result keeps of how it came about.

    Attributes:
        name: Name of the audit.
        config: Its configuration as YAML values.
        output: Folder of what is kept beside the numbers, such as trained heads.
    """

    name: str
    config: Mapping[str, Any]
    output: Path


class Audit(ABC):
    """One question about a target; its `__init__` is its configuration, checked before anything is asked."""

    @property
    def suffix(self) -> str:
        """What tells the results of this audit from those of the same file under other options; mostly nothing."""
        return ""

    @abstractmethod
    def estimate(self) -> dict[str, Estimate]:
        """What the missing queries would cost, by target; asks nothing."""

    @abstractmethod
    def query(self) -> dict[str, Cost]:
        """Fill the stores with what is missing, and say what was spent, by target."""

    @abstractmethod
    def run(self, run: Run) -> Result:
        """Query what is missing, and measure."""

    @abstractmethod
    def pictures(self, result: Result) -> Sequence[Picture]:
        """Images for the page of a result of this audit, from its records and its store."""
