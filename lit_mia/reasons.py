"""Why records are left out, in words."""

from collections import Counter
from collections.abc import Mapping, Sequence

SHOWN, LISTED = 5, 20
"""Most ids that are named for one reason, and where the user has to do something about each."""


def told_by_reason(reasons: Mapping[str, str]) -> str:
    """How many records there are for each reason, and the first few of them.

    Args:
        reasons: Id → reason.

    >>> told_by_reason({"a": "No such file", "c": "No such file", "d": "a URL"})
    '2 × No such file (a, c); 1 × a URL (d)'
    """
    by_reason: dict[str, list[str]] = {}
    for name, reason in reasons.items():
        by_reason.setdefault(reason, []).append(name)
    return "; ".join(f"{len(names)} × {reason} ({listed(names, SHOWN)})" for reason, names in by_reason.items())


def counted_by_reason(reasons: Mapping[str, str]) -> str:
    """How many records there are for each reason.

    Args:
        reasons: Id → reason.

    >>> counted_by_reason({"a": "No such file", "c": "No such file", "d": "a URL"})
    '2 × No such file; 1 × a URL'
    """
    return "; ".join(f"{count} × {reason}" for reason, count in Counter(reasons.values()).items())


def listed(names: Sequence[str], most: int = LISTED, between: str = ", ") -> str:
    """Names in a row, the first ones of many.

    >>> listed(["a", "b", "c"], most=2)
    'a, b, …'
    """
    return between.join([*names[:most], *(["…"] if len(names) > most else [])])
