"""What has to be said beside the numbers of a membership audit, alike in the terminal, in Markdown and on the page."""

from collections.abc import Mapping, Sequence

from lit_mia.metrics.evidence import BY_COIN, Design
from lit_mia.metrics.intervals import LEAST_GROUPS
from lit_mia.metrics.sentences import enumerated
from lit_mia.metrics.threshold import MIN_FALSE_POSITIVES
from lit_mia.report.membership.calibrations import calibration_notes
from lit_mia.report.membership.refused import refusal_note
from lit_mia.report.membership.schema import AuditReport, Coin, Row, ToolCheck
from lit_mia.report.words import NOTHING, count, number, p_value, percent


def blocks(report: AuditReport) -> list[list[Row]]:
    """Rows by attack, in the order of the report: the attack first, then its controls."""
    names = list(dict.fromkeys(row.attack for row in report.rows))
    return [sorted((r for r in report.rows if r.attack == name), key=lambda r: r.kind != "attack") for name in names]


def fpr_levels(rows: Sequence[Row]) -> list[float]:
    """The false positive rates at which true positive rates were measured."""
    return list(dict.fromkeys(point["fpr"] for row in rows for point in row["tpr_at_fpr"]))


def fpr_floor(report: AuditReport) -> float:
    """10 / n0 of the test split: below it a true positive rate rests on fewer than ten false positives."""
    return MIN_FALSE_POSITIVES / max(1, min(int(row["n_nonmembers"]) for row in report.rows))


def footnotes(report: AuditReport, levels: Sequence[float]) -> list[str]:
    """What a table of these FPR levels needs said: how to read its numbers, what attacks are, and what was refused."""
    return [
        *measured_notes(report, levels),
        *calibration_notes(report),
        *_evaluation_notes(report),
        *([_tool_note(report.tools)] if report.tools else []),
        *(refusal_note(role, refused) for role, refused in report.refused.items()),
    ]


def measured_notes(report: AuditReport, levels: Sequence[float]) -> list[str]:
    """How to read areas, rates at these FPR levels and differences: the reason of each dash, the floor, intervals."""
    points = [point for row in report.rows for point in row["tpr_at_fpr"] if point["fpr"] in levels]
    reasons = dict.fromkeys(point["reason"] for point in points if point["reason"])
    return [
        *(f"{NOTHING}: {reason}" for reason in reasons),
        f"FPR floor 10/n0: {percent(fpr_floor(report))}. TPR is taken at the largest FPR not above the level, "
        "and is an average over records.",
        *_interval_notes(report),
        *_difference_notes(report),
    ]


def _interval_notes(report: AuditReport) -> list[str]:
    """Why intervals are missing, where some are."""
    if all(row["auc_ci"] for row in report.rows):
        return []
    return [
        f"AUC {NOTHING}: an interval cannot be said with fewer than {LEAST_GROUPS} groups on a side, or where all "
        "scores are equal."
    ]


def _difference_notes(report: AuditReport) -> list[str]:
    """How to read the smallest difference and the shift factor; nothing where no attack has controls."""
    if not any(row["smallest_difference"] for row in report.rows):
        return []
    return [
        "Smallest ΔAUC: to the control that comes closest, with the smallest ends of the intervals to all controls.",
        "Shift factor: how many times better than each of its controls the attack would at least have to read a "
        "difference between the two sides that explains it (log odds of the AUC, 5 % one-sided).",
    ]


def charge_notes(report: AuditReport) -> list[str]:
    """What was paid for, apart from what may have been, for each target that keeps accounts."""
    return [
        f"Images asked for from the {role}, in all runs: {count(paid['confirmed'])} with a confirmed charge "
        f"({number(paid['confirmed_money'], 2)}), {count(paid['uncertain'])} possibly charged "
        f"({number(paid['uncertain_money'], 2)})."
        for role, paid in report.cost.charges.items()
    ]


def power_note(report: AuditReport) -> str:
    """What this audit would have found."""
    needed, violation = report.power["auc_needed"], report.power["violation"]
    said = (
        "Which AUC would be found cannot be said of so few groups."
        if needed is None
        else f"An attack with an AUC of {number(needed)} would be found four times in five by this rule."
    )
    checked = (
        f" A control with an AUC of {number(violation)} would show four times in five that the coin did not decide."
    )
    return said + (checked if violation is not None else "")


def tried_note(report: AuditReport) -> str:
    """How often the test split was opened, and by what."""
    commands = ", ".join(f"{count(times)} by {command}" for command, times in report.tried["commands"].items())
    return f"{count(report.tried['test_openings'])} ({commands})"


def statement(report: AuditReport) -> str:
    """The sentence of the verdict, without the kind of verdict where it begins with it."""
    kind, sentence = report.verdict["kind"], report.verdict["sentence"]
    head, _, rest = sentence.partition(": ")
    return rest[:1].upper() + rest[1:] if rest and head.lower().startswith(kind.lower()) else sentence


def _evaluation_notes(report: AuditReport) -> list[str]:
    """What the column NFE means, and what sharing one pass saved; nothing for trained heads."""
    if not any(row["evaluations"] is not None for row in report.rows):
        return []
    spent = {
        name: report.cost.by_target[name]["nfe"]
        for name in ("target", "base", "placebo")
        if name in report.cost.by_target
    }
    asked = [f"the {name} {count(nfe)}" for name, nfe in spent.items() if nfe]
    shared = f"One pass asked {enumerated(asked)} evaluations in all (shared between attacks)."
    return ["NFE: denoiser evaluations per record that the attack asks for alone.", *([shared] if asked else [])]


def _tool_note(check: ToolCheck) -> str:
    """Whether the attacker's tools work."""
    return (
        f"Tools: {percent(check['found'] / check['n'])} of {count(check['n'])} captions find their own image among the "
        f"{check['nearest']} nearest (by chance {percent(check['nearest'] / check['n'])}, {p_value(check['p'])})."
    )


def limits_of(
    design: Design,
    coin: Coin | None,
    placebo: bool,
    test: Mapping[str, int],
    *,
    shift: str | None = None,
    reads_base: bool = False,
) -> list[str]:
    """Sentences that qualify every result.

    Args:
        design: How the members came to be members.
        coin: Whether a coin was checked, or only stated; None of designs without one.
        placebo: Whether a placebo target was asked.
        test: Records of each class in the test split.
        shift: How the classes differ by construction in more than membership.
        reads_base: Whether some attack reads what the base says of the records.
    """
    held_out = design not in BY_COIN
    sometimes = {
        "placebo: none. What any generator's answers to these captions betray is not excluded.": (
            not placebo and coin != "verified"
        ),
        "A placebo that reads nothing, beside controls that read weakly, cannot be told from having none.": (
            placebo and held_out
        ),
        "Calibrated attacks take out what is hard for the base too, not what the target learned of the domain as a "
        "whole: where members are of another domain than non-members, that looks like membership.": (
            reads_base and coin != "verified"
        ),
        "What the placebo of a calibrated attack learned is compared on non-members; what it learned of the members' "
        "domain alone is not known.": reads_base and placebo and coin != "verified",
        "A base model is a placebo only if its own training did not hold the members.": placebo and held_out,
        "A weak control makes a difference look large; controls have the budget of their attack, no more.": held_out,
        "Members and non-members were put together afterwards, so no number here is evidence of training use.": (
            design == "post_hoc"
        ),
        shift or "": shift is not None,
    }
    return [
        "Rates are averages over the test records; they are no statement about one record.",
        "A difference to a control is not an exact amount of leakage: one head can use both kinds of signal.",
        "Distances between the two sides (FID, KID, the largest control) are warnings; they do not decide the verdict.",
        f"The test split holds {test['member']} members and {test['non_member']} non-members; "
        "rates below 10 / non-members are not reported.",
        "A stronger attack may exist. An audit can show a leak; it cannot show that there is none.",
        *(sentence for sentence, applies in sometimes.items() if applies),
    ]
