"""What a report says of the quantities that a gate asks for, attack by attack, or why it says nothing."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from lit_mia.metrics.evidence import BY_COIN
from lit_mia.metrics.intervals import LEAST_GROUPS
from lit_mia.metrics.permutation import DRAWS
from lit_mia.report.membership.bound_table import tier_name
from lit_mia.report.membership.findings import short_control, times
from lit_mia.report.membership.judging import NOT_SEEING
from lit_mia.report.membership.schema import AuditReport, Row
from lit_mia.report.words import interval, number, p_value, percent, signed

Value = float | str
LO, HI = ".lo", ".hi"
"""The ends of a 95 % interval, as they stand after the name of a quantity; the number itself has none: ``."""
Reader = Callable[[AuditReport], list["Case"]]
VIOLATED, TOOL_FAILURE, NO_EVIDENCE, INCOMPLETE, NOT_DETECTED = (
    "design violated",
    "tool failure",
    "not evidence",
    "not evidence (controls incomplete)",
    "not detected at this power",
)
"""Outcomes under which a number says nothing, or another verdict than the one given could not be reached."""
_NO_INTERVAL = f"it has no interval, for which {LEAST_GROUPS} groups on each side and scores that differ are needed"
_UNTESTED = f"a difference to a control cannot be tested, as {_NO_INTERVAL}"


@dataclass(frozen=True)
class Case:
    """What a quantity is of one attack, or of what else it is told of.

    Attributes:
        of: Name of the attack.
        values: The number and the ends of its interval, by ``, `.lo` and `.hi`; without what cannot be said.
        told: The same for a reader.
        why: Why what is missing in `values` cannot be said.
        most: The most that it could have been; None if that is not bounded by the audit.
        least: The least, likewise.
    """

    of: str
    values: Mapping[str, Value] = field(default_factory=dict)
    told: str = ""
    why: str = ""
    most: float | None = None
    least: float | None = None


def auc(report: AuditReport) -> list[Case]:
    """The AUC of each attack."""
    return _of_attacks(report, _auc)


def difference(report: AuditReport) -> list[Case]:
    """The smallest difference of each attack to its controls, with the smallest ends of the intervals to all."""
    return _of_attacks(report, _difference)


def ratio(report: AuditReport) -> list[Case]:
    """How many times better than its controls each attack reads a shift, at least."""
    return _of_attacks(report, _ratio)


def adjusted(report: AuditReport) -> list[Case]:
    """The adjusted p of each attack."""
    return _of_attacks(report, _adjusted)


def rate(fpr: float) -> Reader:
    """Reads the true positive rate of each attack.

    Args:
        fpr: At which false positive rate.
    """
    return lambda report: _of_attacks(report, lambda _, row: _rate(row, fpr))


def epsilon(report: AuditReport) -> list[Case]:
    """The lower bound on ε of each number of copies, each by itself."""
    bound = report.dp_bound
    if bound is None:
        return [Case("the training", why="the audit was made by a version that looked for no bound")]
    if bound["reason"] is not None or not bound["tiers"]:
        return [Case("the training", why=bound["reason"] or "the report holds no bound")]
    if bound["attack"] in {row.name for row in report.rows if row["outcome"] == TOOL_FAILURE}:
        return [Case("the training", why=f"of {bound['attack']}, which guesses, {_open(TOOL_FAILURE)}")]
    return [
        Case(
            tier_name(tier),
            _said({LO: tier["epsilon"]}),
            f"{tier['right']} of {tier['guesses']} guesses right, at most {number(tier['ceiling'], 2)} if all were",
            most=tier["ceiling"],
        )
        for tier in bound["tiers"]
    ]


def verdict(report: AuditReport) -> list[Case]:
    """The verdict of the audit, beside the attacks whose outcome leaves it open."""
    kind = report.verdict["kind"]
    attacks = [row for row in report.rows if row.kind == "attack"]
    left_open = [
        Case(row.name, why=why)
        for row in attacks
        if (why := _open(str(row["outcome"])) or _without_placebo(report, row))
    ]
    return [Case("the audit", {"": kind}, f"{len(attacks)} attacks"), *left_open]


# ---------------------------------------------------------------------- one attack


def _of_attacks(report: AuditReport, read: Callable[[AuditReport, Row], Case]) -> list[Case]:
    return [
        Case(row.name, why=void) if (void := _void(report, row)) else read(report, row)
        for row in report.rows
        if row.kind == "attack"
    ]


def _void(report: AuditReport, row: Row) -> str:
    """Why nothing is known of an attack; empty if something is."""
    outcomes = {report.verdict["kind"], row["outcome"]}
    return next((_open(kind) for kind in (VIOLATED, TOOL_FAILURE) if kind in outcomes), "")


def _open(outcome: str) -> str:
    """What an outcome leaves open; empty where it decides."""
    reasons = {
        VIOLATED: "the controls found that the coin did not decide, so nothing is concluded",
        TOOL_FAILURE: "the attacker's tools do not work, so nothing is known of the attack",
        INCOMPLETE: "a control is missing that its finding needs",
    }
    other = "its design allows no evidence" if outcome.startswith(NO_EVIDENCE) else ""
    return reasons.get(outcome, other)


def _without_placebo(report: AuditReport, row: Row) -> str:
    """Why what was found of an attack could not have been called a leak; empty where it could, or nothing was found."""
    needed = report.design not in BY_COIN or (row["reads_base"] and report.coin != "verified")
    check = report.placebo_checks.get(row.name)
    if row["outcome"] == NOT_DETECTED or not needed or (check is not None and check["valid"]):
        return ""
    return "it has no valid placebo, without which nothing is called leakage"


def _auc(_: AuditReport, row: Row) -> Case:
    told = f"AUC {number(row['auc'])} {interval(row['auc_ci'])}".strip()
    return _estimate(row, row["auc"], row["auc_ci"], told)


def _rate(row: Row, fpr: float) -> Case:
    point = next((point for point in row["tpr_at_fpr"] if point["fpr"] == fpr), None)
    if point is None or point["tpr"] is None:
        return Case(row.name, why=(point and point["reason"]) or f"it was not measured at {percent(fpr)} FPR")
    told = f"TPR {number(point['tpr'])} {interval(point['ci'])} at {percent(point['achieved_fpr'])} FPR"
    return _estimate(row, point["tpr"], point["ci"], told)


def _difference(report: AuditReport, row: Row) -> Case:
    if lacking := _lacking(report, row):
        return Case(row.name, why=lacking)
    smallest = row["smallest_difference"]
    control = short_control(row, smallest["control"])
    told = f"ΔAUC {signed(smallest['delta'])} {interval(smallest['ci'])} to {control}"
    return _estimate(row, smallest["delta"], smallest["ci"], told)


def _ratio(report: AuditReport, row: Row) -> Case:
    if lacking := _lacking(report, row):
        return Case(row.name, why=lacking)
    return Case(row.name, _said({LO: row["ratio_lo"]}), f"shift factor {times(row['ratio_lo'])}", _UNTESTED)


def _adjusted(report: AuditReport, row: Row) -> Case:
    """Outside a coin that was checked it compares with controls, and is 1 where a comparison cannot be said."""
    compared = [of["ci"] for of in (row["differences"] or {}).values()]
    lacking = "" if report.coin == "verified" else _lacking(report, row)
    if lacking or (report.design not in BY_COIN and None in compared):
        return Case(row.name, why=lacking or _UNTESTED)
    least = 1 / (DRAWS + 1) if report.design in BY_COIN else None
    return Case(row.name, _said({"": row["p_adjusted"]}), p_value(row["p_adjusted"]), least=least)


def _lacking(report: AuditReport, row: Row) -> str:
    """Which controls an attack lacks; empty if it has them."""
    kinds = {other.kind for other in report.rows if other.attack == row.name}
    if kinds <= NOT_SEEING or row["smallest_difference"] is None:
        return "it has no control that sees the records without the target"
    return _open(INCOMPLETE) if row["outcome"] == INCOMPLETE else ""


def _estimate(row: Row, value: float | None, ci: list[float] | None, told: str) -> Case:
    lo, hi = ci or (None, None)
    values = _said({"": value, LO: lo, HI: hi})
    return Case(row.name, values, told, _NO_INTERVAL if "" in values else "")


def _said(values: Mapping[str, float | None]) -> dict[str, Value]:
    """What is a number."""
    return {end: value for end, value in values.items() if value is not None and math.isfinite(value)}
