"""What every kind of audit offers, and the kinds: what is made of a config, and what a finished folder holds."""

import time
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from lit_mia.cost import Cost, Estimate
from lit_mia.errors import ReportError
from lit_mia.registry import Registry
from lit_mia.report.base import Origin, Picture, Result, read_numbers

Command = Literal["audit", "sweep"]


@dataclass(frozen=True)
class Run:
    """What a result keeps of how it came about.

    Attributes:
        name: Name of the audit.
        config: Its configuration as YAML values.
        output: Folder of what is kept beside the numbers, such as trained heads.
        began: What `time.perf_counter` said at its beginning.
    """

    name: str
    config: Mapping[str, Any]
    output: Path
    began: float = field(default_factory=time.perf_counter)

    def origin(self) -> Origin:
        """Where a result comes from that is made now."""
        return Origin.here(self.name, self.config, self.began)


class Audit(ABC):
    """One question about a target; its `__init__` is its configuration, checked before anything is asked."""

    @property
    def suffix(self) -> str:
        """What tells the results of this audit from those of the same file under other options; mostly nothing."""
        return ""

    @property
    def devices(self) -> int:
        """How many processes go on together once all was asked; others of the same launch only ask."""
        return 1

    @abstractmethod
    def estimate(self) -> dict[str, Estimate]:
        """What the missing queries would cost, by target; asks nothing."""

    @abstractmethod
    def query(self) -> dict[str, Cost]:
        """Fill the stores with what is missing, and say what was spent, by target."""

    @abstractmethod
    def run(self, run: Run) -> Result:
        """Query what is missing, and measure."""

    def pictures(self, result: Result) -> Sequence[Picture]:
        """Images for the page of a result of this audit, from its records and its store; mostly none."""
        return ()


@dataclass(frozen=True)
class AuditKind:
    """A kind of audit.

    Attributes:
        name: What it is called.
        audit: The class; its signature is the config.
        result: What it returns.
        command: The command that runs it: an `audit` ends in a verdict, a `sweep` never opens test.
        key: The top-level key of its configs by which it is told from others of the same command; None: what no other
            key tells.
        example: A shipped config.
    """

    name: str
    audit: type[Audit]
    result: type[Result]
    command: Command
    key: str | None
    example: str


AUDIT_KINDS: Registry[AuditKind] = Registry("kind of audit")
"""All kinds; those of this package are in `lit_mia.audits.kinds`."""


def kind_of_config(command: Command, config: Mapping[str, Any]) -> AuditKind:
    """The kind that a config describes.

    Args:
        command: The command that was given; `query` counts as `audit`.
        config: Its values; only the top-level keys matter.
    """
    kinds = [kind for kind in AUDIT_KINDS if kind.command == command]
    return next(kind for kind in sorted(kinds, key=lambda k: k.key is None) if kind.key is None or kind.key in config)


def kind_of_numbers(numbers: Mapping[str, Any]) -> AuditKind | None:
    """The kind of audit that the numbers of an `audit.json` are of, by their schema; None if it is none of these."""
    return next((kind for kind in AUDIT_KINDS if kind.result.schema == numbers.get("schema")), None)


def load_result(folder: Path) -> Result:
    """The result in the folder of a finished audit of any kind.

    Raises:
        ReportError: If there is none, or this version does not read it.
    """
    numbers = read_numbers(folder)
    kind = kind_of_numbers(numbers)
    if kind is not None:
        return kind.result.load(folder, numbers)
    known = ", ".join(kind.result.schema for kind in AUDIT_KINDS)
    raise ReportError(
        f"The audit has schema {numbers.get('schema')!r}, but this version of lit-mia reads {known}. Run the audit "
        "again over the same store, where nothing is asked twice, or use the version that wrote it."
    )
