"""How sure a finding is, and against what it was held."""

from lit_mia.metrics.evidence import BY_COIN
from lit_mia.metrics.sentences import enumerated
from lit_mia.report.membership.findings import with_finding
from lit_mia.report.membership.notes import power_note
from lit_mia.report.membership.schema import AuditReport
from lit_mia.report.membership.self_test.words import not_run, of_report, self_test_findings
from lit_mia.report.membership.self_test_numbers import SelfTest
from lit_mia.report.words import count, number, p_value


def how_sure(report: AuditReport, test: SelfTest | None) -> list[str]:
    """The p-value of the headline, how many attacks have the finding, of how many records, power and self-test.

    Args:
        report: The numbers.
        test: The last self-test in the folder of the audit.
    """
    attacks = [row for row in report.rows if row.kind == "attack"]
    top, finders = with_finding(report)[:1], sum(row["outcome"] == report.verdict["kind"] for row in attacks)
    shown = of_report(report, test)
    members, others = (count(attacks[0][name]) for name in ("n_members", "n_nonmembers"))
    return [
        *(
            f"{row.name}: {p_value(row['p_adjusted'])}, one-sided, adjusted for all attacks. Intervals: 95\u00a0%."
            for row in top
            if row["p_adjusted"] is not None
        ),
        f"{count(finders)} of {count(len(attacks))} attacks have this finding, on {members} members and {others} "
        "non-members of the test split.",
        *_copies(report),
        power_note(report),
        not_run(test) if shown is None else f"Self-test: {self_test_findings(shown)[0]}",
    ]


def _copies(report: AuditReport) -> list[str]:
    """That the members stood in the training data more than once, where some did."""
    copies = sorted({tier["copies"] for tier in report.tiers})
    if not copies or copies[-1] == 1:
        return []
    together = enumerated([str(times) for times in copies])
    return [f"Members are canaries of {together} copies: a record that stands in the data once may leak less."]


def against_what(report: AuditReport) -> list[str]:
    """Design and who vouches for it, controls, placebo."""
    return [f"{_design(report)}.", *_controls(report), _placebo(report)]


def _design(report: AuditReport) -> str:
    decided = {
        "verified": "a coin decided who is a member, and its commitment was checked",
        "stated": "that a coin decided who is a member is the user's word, not checked",
        None: "no coin decided who is a member, so the two sides may differ by themselves",
    }
    coin = report.coin or ("stated" if report.design in BY_COIN else None)
    return f"Design {report.design.replace('_', ' ')}: {decided[coin]}"


def _controls(report: AuditReport) -> list[str]:
    if report.control_null is None:
        return ["Controls: none."]
    kinds = dict.fromkeys(row.kind for row in report.rows if row.kind not in ("attack", "placebo"))
    null, placebo = report.control_null, ", placebo included," * any(row.kind == "placebo" for row in report.rows)
    return [
        f"Controls that do without what the target learned: {enumerated([*kinds])}. The largest{placebo} has an AUC of "
        f"{number(null['max_control_auc'])}; by chance 95\u00a0% of such largest ones are below "
        f"{number(null['quantile_95'])}."
    ]


def _placebo(report: AuditReport) -> str:
    if not report.placebo_checks:
        return "Placebo: none."
    checks = report.placebo_checks.values()
    valid = sum(check["valid"] for check in checks)
    return f"Placebo, a model that was trained on neither side: valid for {valid} of {len(checks)} attacks."
