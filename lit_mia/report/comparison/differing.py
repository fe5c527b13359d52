"""What two audits do not have in common: targets, configuration, splits, versions."""

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from lit_mia.report.comparison.numbers import Differing
from lit_mia.report.fields import spell_non_finite
from lit_mia.report.membership import AuditReport

_OF_REPORT = (
    *("target", "base", "placebo", "shadow", "design", "coin", "splits", "store_digest", "encoder", "captioner"),
    *("protocol", "config", "versions", "git"),
)
_OF_ROW = ("protocol", "setting")


def differing(a: AuditReport, b: AuditReport) -> tuple[Differing, ...]:
    """The values that differ, by dotted name."""
    both = {row.name for row in a.rows} & {row.name for row in b.rows}
    first, second = (dict(_flat(_told(report, both))) for report in (a, b))
    names = dict.fromkeys([*first, *second])
    return tuple(
        Differing(name, first.get(name), second.get(name)) for name in names if first.get(name) != second.get(name)
    )


def _told(report: AuditReport, both: Collection[str]) -> dict[str, Any]:
    rows = {row.name: {name: row[name] for name in _OF_ROW} for row in report.rows if row.name in both}
    told: dict[str, Any] = spell_non_finite({name: getattr(report, name) for name in _OF_REPORT} | {"rows": rows})
    return told


def _flat(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """Dotted name → value; entries of lists by their place."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _flat(item, f"{name}.{key}".lstrip("."))
    elif isinstance(value, list | tuple):
        for place, item in enumerate(value):
            yield from _flat(item, f"{name}[{place}]")
    else:
        yield name, value
