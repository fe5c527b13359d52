"""To whom a target leaks: the attacks by what they have to be able to ask, and by what else they have to know."""

from collections.abc import Mapping, Sequence

from lit_mia.metrics.sentences import enumerated
from lit_mia.report.membership.findings import short_outcome
from lit_mia.report.membership.schema import AuditReport, Row
from lit_mia.report.words import count
from lit_mia.splits import LEARNED
from lit_mia.targets.base import AccessLevel

WHO: Mapping[AccessLevel, str] = {
    AccessLevel.GENERATE: "can have images generated from captions",
    AccessLevel.VARY: "can have images of their own varied",
    AccessLevel.EMBED: "can have images and texts compared",
    AccessLevel.DENOISE: "holds the weights, or sees the noise that they predict",
}
"""Access level → who has it, those that more people have first."""
_NAMED = 4
"""Attacks of one outcome that are named; more are counted."""


def to_whom(report: AuditReport) -> list[str]:
    """A sentence for each kind of access with what its attacks found, and one on what attackers knew beside."""
    told: dict[str, list[Row]] = {}
    for row in report.rows:
        if row.kind == "attack":
            told.setdefault(_who(row, report), []).append(row)
    return [*(f"Who {who}: {_outcomes(told[who])}." for who in sorted(told, key=_order)), _knew(report)]


def _who(row: Row, report: AuditReport) -> str:
    """Who can do what an attack does; of files that do not say it, what the target was loaded for."""
    access = row["access"] or report.target.get("access")
    other = "asks what this audit asked" if access is None else f"has the access {access}"
    who = next((f"{words} ({level})" for level, words in WHO.items() if level == access), other)
    base = ", and has the base, the model before the fine-tuning" if row["reads_base"] else ""
    return f"{who}{base}"


def _order(who: str) -> tuple[int, str]:
    """Place of a kind of access; unknown ones last."""
    return next((place for place, words in enumerate(WHO.values()) if who.startswith(words)), len(WHO)), who


def _outcomes(rows: Sequence[Row]) -> str:
    """What attacks found, each outcome with them."""
    named: dict[str, list[str]] = {}
    for row in rows:
        named.setdefault(short_outcome(row["outcome"]) or "not judged", []).append(row.name)
    return "; ".join(
        f"{outcome}, by {enumerated(names) if len(names) <= _NAMED else f'{count(len(names))} of {len(rows)} attacks'}"
        for outcome, names in named.items()
    )


def _knew(report: AuditReport) -> str:
    """What attackers knew of records, from which heads, settings and thresholds were learned."""
    if report.shadow is not None:
        return "Heads learned on another target, of whose records the attacker knows which it was trained on."
    sizes = report.splits["sizes"]
    known = sum(sum(sizes.get(split, {}).values()) for split in LEARNED)
    return (
        f"Each attacker also knew of {count(known)} other records whether they are members, to learn and choose from."
    )
