"""To whom a target leaks: the attacks by what they have to be able to ask, and by what else they have to know."""

from collections.abc import Mapping, Sequence

from lit_mia.metrics.sentences import enumerated
from lit_mia.report.membership.findings import short_outcome
from lit_mia.report.membership.schema import AuditReport, Row
from lit_mia.report.words import count
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
_LEARNED = ("train", "val", "calibration")


def to_whom(report: AuditReport) -> list[str]:
    """A sentence for each kind of access with what its attacks found, and one on what attackers knew beside."""
    attacks = [row for row in report.rows if row.kind == "attack"]
    told = {
        who: [row for row in attacks if _who(row, report) == who]
        for who in sorted({_who(row, report) for row in attacks}, key=_order)
    }
    return [*(f"Who {who}: {_outcomes(rows)}." for who, rows in told.items()), _knew(report)]


def access_of(row: Row, report: AuditReport) -> str | None:
    """What an attack has to be able to ask; of files that do not say it, what the target was loaded for."""
    access: str | None = row["access"] or report.target.get("access")
    return access


def _who(row: Row, report: AuditReport) -> str:
    """Who can do this; names the level, which the target's fingerprint and the attacks have too."""
    access = access_of(row, report)
    other = "asks what this audit asked" if access is None else f"has the access {access}"
    who = next((f"{words} ({level})" for level, words in WHO.items() if level == access), other)
    base = ", and has the base, the model before the fine-tuning" if row["reads_base"] else ""
    return f"{who}{base}"


def _order(who: str) -> tuple[int, str]:
    """Place of a kind of access; unknown ones last."""
    return next((place for place, words in enumerate(WHO.values()) if who.startswith(words)), len(WHO)), who


def _outcomes(rows: Sequence[Row]) -> str:
    """What attacks found, each outcome with them."""
    found = dict.fromkeys(short_outcome(row["outcome"]) or "not judged" for row in rows)
    named = {of: [row.name for row in rows if (short_outcome(row["outcome"]) or "not judged") == of] for of in found}
    return "; ".join(
        f"{outcome}, by {enumerated(names) if len(names) <= _NAMED else f'{count(len(names))} of {len(rows)} attacks'}"
        for outcome, names in named.items()
    )


def _knew(report: AuditReport) -> str:
    """What attackers knew of records, from which heads, settings and thresholds were learned."""
    if report.shadow is not None:
        return "Heads learned on another target, of whose records the attacker knows which it was trained on."
    sizes = report.splits["sizes"]
    known = sum(sum(sizes.get(split, {}).values()) for split in _LEARNED)
    return (
        f"Each attacker also knew of {count(known)} other records whether they are members, to learn and choose from."
    )
