"""The fields of results as JSON holds them, which has neither infinities nor NaN."""

import json
import math
from collections.abc import Mapping
from dataclasses import MISSING, asdict, fields, is_dataclass
from types import UnionType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from lit_mia.errors import ReportError

T = TypeVar("T")


def check_fields(cls: type[Any], data: Mapping[str, Any], where: str) -> None:
    """Refuse JSON values that are not those of a dataclass.

    Raises:
        ReportError: Naming the missing and the unknown fields.
    """
    required = {f.name for f in fields(cls) if f.default is MISSING and f.default_factory is MISSING}
    missing, unknown = sorted(required - set(data)), sorted(set(data) - {f.name for f in fields(cls)})
    if missing or unknown:
        raise ReportError(f"In {where}, fields are missing: {missing}; fields are unknown: {unknown}.")


def read_fields(cls: type[T], values: Mapping[str, Any]) -> T:
    """A dataclass of JSON values, and whatever dataclasses and tuples its fields declare.

    Args:
        cls: The dataclass.
        values: By the names of its fields; further ones, which other readers need, are left out.
    """
    types = get_type_hints(cls)
    return cls(**{f.name: _read(types[f.name], values[f.name]) for f in fields(cls)})  # type: ignore[arg-type]


def _read(form: Any, value: Any) -> Any:
    """A JSON value as the type that a field declares."""
    inner = get_args(form)
    if isinstance(value, Mapping) and get_origin(form) is UnionType:
        return _read(inner[0], value)  # `Rate | None`
    if isinstance(value, list) and inner:
        items = [_read(inner[0], item) for item in value]
        return tuple(items) if get_origin(form) is tuple else items
    if isinstance(value, Mapping) and isinstance(form, type) and is_dataclass(form):
        return read_fields(form, value)
    return value


def json_values(data: Mapping[str, Any]) -> dict[str, Any]:
    """The same as plain JSON values.

    Raises:
        ReportError: If a number is infinite or not a number.
    """
    odd = _non_finite(data)
    if odd:
        raise ReportError(f"A report holds only finite numbers or null, but these are neither: {', '.join(odd)}.")
    values: dict[str, Any] = json.loads(json.dumps(data, allow_nan=False))
    return values


def both_ends(lo: float | None, hi: float | None) -> list[float] | None:
    """An interval; None if one of its ends cannot be said."""
    return None if lo is None or hi is None else [lo, hi]


def findings_values(found: Any, schema: str) -> dict[str, Any]:
    """What `audit.json` holds of findings: everything but the lines of single people or records.

    Args:
        found: A dataclass with the fields `config` and `lines`.
        schema: Form of the file.

    Raises:
        ReportError: If a measured number is infinite or not a number.
    """
    values = asdict(found)
    del values["lines"]
    return json_values({"schema": schema, **values, "config": spell_non_finite(found.config)})


def spell_non_finite(value: Any) -> Any:
    """A configuration with its infinities and NaN spelled as in YAML: `.inf`, `-.inf`, `.nan`."""
    if isinstance(value, Mapping):
        return {key: spell_non_finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [spell_non_finite(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return f"{value}".replace("inf", ".inf").replace("nan", ".nan")
    return value


def _non_finite(value: Any, path: str = "") -> list[str]:
    """Paths of the numbers that JSON cannot hold, e.g. `rows[1].auc`."""
    if isinstance(value, Mapping):
        return [odd for key, item in value.items() for odd in _non_finite(item, f"{path}.{key}" if path else str(key))]
    if isinstance(value, list | tuple):
        return [odd for i, item in enumerate(value) for odd in _non_finite(item, f"{path}[{i}]")]
    return [path] if isinstance(value, float) and not math.isfinite(value) else []
