"""Whether a condition of a gate holds for an audit: for any of its attacks, for none, or nobody can tell."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from lit_mia.metrics.sentences import enumerated
from lit_mia.report.membership.gate.conditions import Condition
from lit_mia.report.membership.gate.readings import Case, Value
from lit_mia.report.membership.schema import AuditReport

Answer = Literal["holds", "unknown", "does not hold"]
_NOTHING = "it is no number"


@dataclass(frozen=True)
class Check:
    """What became of a condition.

    Attributes:
        condition: The condition.
        answer: `holds` for some attack; `unknown` for some, and holds for none; or `does not hold` for any.
        sentence: The same with attacks, numbers and reasons.
    """

    condition: Condition
    answer: Answer
    sentence: str


def check(condition: Condition, report: AuditReport) -> Check:
    """Whether a condition holds for an audit.

    Args:
        condition: The condition.
        report: The numbers of the audit.
    """
    cases = condition.quantity.read(report) or [Case("the audit", why="it has no attack")]
    values = [(case, value) for case in cases if (value := condition.value(case)) is not None]
    values.sort(key=lambda pair: condition.urgency(pair[1]), reverse=True)
    holding = [(case, value) for case, value in values if condition.holds(value)]
    unknown = _unknown(condition, [case for case in cases if condition.value(case) is None])
    if holding:
        others = enumerated([case.of for case, _ in holding[1:]])
        also = f"; it holds for {others} too" if others else ""
        return Check(condition, "holds", f"{condition} holds for {_told(condition, holding[0])}{also}.{unknown}")
    if unknown:
        return Check(condition, "unknown", f"{condition}:{unknown}")
    return Check(condition, "does not hold", f"{condition} does not hold; closest is {_told(condition, values[0])}.")


def _told(condition: Condition, of: tuple[Case, Value]) -> str:
    case, value = of
    number = value if isinstance(value, str) else f"{value:.4g}"
    return f"{case.of}: {condition.name} is {number} ({case.told})"


def _unknown(condition: Condition, cases: Sequence[Case]) -> str:
    """For which cases nothing can be said, and why; empty if there are none."""
    reasons: dict[str, list[str]] = {}
    for case in cases:
        reasons.setdefault(_why(condition, case).rstrip("."), []).append(case.of)
    return "".join(f" It cannot be evaluated for {enumerated(of)}: {why}." for why, of in reasons.items())


def _why(condition: Condition, case: Case) -> str:
    if condition.out_of_reach(case):
        end = f"more than {case.most:.4g}" if case.most is not None else f"less than {case.least:.4g}"
        return f"{condition.name} could not have been {end} here ({case.told})"
    return case.why or _NOTHING
