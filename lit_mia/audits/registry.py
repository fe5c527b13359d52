"""The kinds of audit: what is made of a config, and what a finished folder holds. A new kind is one entry here."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from lit_mia.audits.base import Audit
from lit_mia.errors import ReportError
from lit_mia.registry import Registry
from lit_mia.report.base import Result, read_numbers

Command = Literal["audit", "sweep"]


@dataclass(frozen=True)
class AuditKind:
    """A kind of audit.

    Attributes:
        name: What it is called.
        audit: The class; its signature is the config.
        result: What it returns.
        schemas: Forms of `audit.json` that the result's class reads, the present one first.
        command: The command that runs it: an `audit` ends in a verdict, a `sweep` never opens test.
        key: The top-level key of its configs by which it is told from others of the same command; None: what no other
            key tells.
        example: A shipped config.
    """

    name: str
    audit: type[Audit]
    result: type[Result]
    schemas: tuple[str, ...]
    command: Command
    key: str | None
    example: str


AUDIT_KINDS: Registry[AuditKind] = Registry("kind of audit")


def kind_of_config(command: Command, config: Mapping[str, Any]) -> AuditKind:
    """The kind that a config describes.

    Args:
        command: The command that was given; `query` counts as `audit`.
        config: Its values; only the top-level keys matter.
    """
    kinds = [kind for kind in AUDIT_KINDS if kind.command == command]
    return next(kind for kind in sorted(kinds, key=lambda k: k.key is None) if kind.key is None or kind.key in config)


def load_result(folder: Path) -> Result:
    """The result in the folder of a finished audit of any kind.

    Raises:
        ReportError: If there is none, or this version does not read it.
    """
    numbers = read_numbers(folder)
    for kind in AUDIT_KINDS:
        if numbers.get("schema") in kind.schemas:
            return kind.result.load(folder, numbers)
    known = ", ".join(schema for kind in AUDIT_KINDS for schema in kind.schemas)
    raise ReportError(
        f"The audit has schema {numbers.get('schema')!r}, but this version of lit-mia reads {known}. Run the audit "
        "again, or use the version that wrote it."
    )
