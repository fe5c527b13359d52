"""The fields of results as JSON holds them."""

from collections.abc import Mapping
from dataclasses import MISSING, fields
from typing import Any, TypedDict

from lit_mia.errors import ReportError


class VerdictText(TypedDict):
    """The audit in words: a kind, and a sentence in plain English."""

    kind: str
    sentence: str


def check_fields(cls: type[Any], data: Mapping[str, Any], where: str) -> None:
    """Refuse JSON values that are not those of a dataclass.

    Raises:
        ReportError: Naming the missing and the unknown fields.
    """
    required = {f.name for f in fields(cls) if f.default is MISSING and f.default_factory is MISSING}
    missing, unknown = sorted(required - set(data)), sorted(set(data) - {f.name for f in fields(cls)})
    if missing or unknown:
        raise ReportError(f"In {where}, fields are missing: {missing}; fields are unknown: {unknown}.")
