"""What a gate says of an audit: the exit status, lines for the terminal, and properties for other programs."""

from collections.abc import Sequence

from lit_mia.report.membership.gate.checking import Answer, Check
from lit_mia.report.membership.notes import power_note
from lit_mia.report.membership.schema import AuditReport
from lit_mia.report.words import NOTHING, count, number

EXITS: dict[Answer, tuple[int, str]] = {
    "holds": (1, "Gate failed (exit 1): a condition holds."),
    "unknown": (2, "Gate not passed (exit 2): a condition cannot be evaluated, and none holds."),
    "does not hold": (0, "Gate passed: no condition holds. That does not mean that nothing leaks."),
}
"""Answer → exit status and what is said; the first that one of the conditions has counts."""


def exit_code(checks: Sequence[Check]) -> int:
    """1 if a condition holds, else 2 if one cannot be evaluated, else 0."""
    return EXITS[_first(checks)][0]


def spoken(checks: Sequence[Check], report: AuditReport) -> str:
    """What became of the conditions, how many records were tested, the verdict, and what would have been found.

    Args:
        checks: What became of each condition.
        report: The numbers of the audit.
    """
    context = f"Tested: {_tested(report)}. Verdict: {report.verdict['kind']}. {power_note(report)}"
    return "\n".join([EXITS[_first(checks)][1], *(f"- {each.sentence}" for each in checks), context])


def properties(report: AuditReport) -> dict[str, str]:
    """Name → what has to be known to read the answers.

    Args:
        report: The numbers of the audit.
    """
    needed, test = report.power["auc_needed"], report.splits["sizes"]["test"]
    return {
        "verdict": report.verdict["kind"],
        "members": str(test["member"]),
        "non_members": str(test["non_member"]),
        "groups": str(report.splits["groups"]),
        "auc_needed": NOTHING if needed is None else number(needed),
        "power": power_note(report),
        "created": report.created,
        "store_digest": report.store_digest,
        **{f"version.{package}": version for package, version in report.versions.items()},
    }


def _first(checks: Sequence[Check]) -> Answer:
    answers = {each.answer for each in checks}
    return next(answer for answer in EXITS if answer in answers)


def _tested(report: AuditReport) -> str:
    test, groups = report.splits["sizes"]["test"], report.splits["groups"]
    return (
        f"{count(test['member'])} members and {count(test['non_member'])} non-members of test "
        f"({count(groups)} groups in all splits)"
    )
