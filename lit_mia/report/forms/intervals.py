"""Whether every value of a file lies in its own interval, whatever the kind of audit."""

from collections.abc import Iterator, Mapping
from typing import Any

from lit_mia.report.forms.faults import Fault, below

ROUNDING = 1e-9
"""By how much a value may lie outside its interval."""
_UNNAMED = ("value", "tpr", "delta")
"""What a bare `ci`, or `lo` and `hi`, beside it is the interval of."""


def outside_intervals(value: Any, path: str = "") -> Iterator[Fault]:
    """Every interval that is turned round, and every value that is not between its ends.

    Args:
        value: What a file holds.
        path: Where in it.
    """
    if isinstance(value, list):
        for i, item in enumerate(value):
            yield from outside_intervals(item, f"{path}[{i}]")
    elif isinstance(value, Mapping):
        for name, item in value.items():
            place = below(path, name)
            yield from outside_intervals(item, place)
            yield from _against(value, name, item, place)


def _against(beside: Mapping[str, Any], name: str, item: Any, path: str) -> Iterator[Fault]:
    """Faults of a value that has an interval beside it."""
    lo, hi = _ends(beside, name)
    if lo is not None and hi is not None and lo > hi:
        yield Fault(path, f"has an interval from {lo} to {hi}")
    elif _is_number(item) and ((lo is not None and item < lo - ROUNDING) or (hi is not None and item > hi + ROUNDING)):
        yield Fault(path, f"{item} is outside its interval, {lo} to {hi}")


def _ends(beside: Mapping[str, Any], name: str) -> tuple[float | None, float | None]:
    pair = beside.get(f"{name}_ci") or (beside.get("ci") if name in _UNNAMED else None)
    if isinstance(pair, list) and len(pair) == 2 and all(map(_is_number, pair)):
        return pair[0], pair[1]
    bare = name in _UNNAMED
    ends = [beside.get(f"{name}_{end}", beside.get(end) if bare else None) for end in ("lo", "hi")]
    lo, hi = (end if _is_number(end) else None for end in ends)
    return lo, hi


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
