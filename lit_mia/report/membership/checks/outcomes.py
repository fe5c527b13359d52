"""Whether what a membership audit concludes of its attacks follows from what stands beside it."""

from collections.abc import Iterator

from lit_mia.metrics.evidence import BY_COIN, LEVEL, Kind
from lit_mia.metrics.shift import SHIFT
from lit_mia.metrics.verdict import TOOL_LEVEL
from lit_mia.report.forms import Fault
from lit_mia.report.forms.faults import below, shown
from lit_mia.report.membership.columns import is_attack
from lit_mia.report.membership.schema import AuditReport, Row


def impossible_outcomes(report: AuditReport) -> Iterator[Fault]:
    """Outcomes that design, coin, placebo, tools and adjusted p do not allow, and a sentence of another verdict.

    Args:
        report: The numbers, each by itself of the form that it should have.
    """
    kind, sentence = report.verdict["kind"], report.verdict["sentence"]
    if not sentence.lower().startswith(kind.partition(" (")[0]):
        yield Fault("verdict.sentence", f"{shown(sentence)} does not say {kind!r}")
    for i, row in enumerate(report.rows):
        if is_attack(row) and _excluded(report, row).get(row["outcome"], False):
            said = f"{row['outcome']!r} is not what design, coin, placebo, tools and p_adjusted allow"
            yield Fault(f"rows[{i}].outcome", said)


def impossible_comparisons(report: AuditReport) -> Iterator[Fault]:
    """Factors that a test beside them does not refuse, and mirror images of controls that are not below 0.5."""
    aucs = {row.name: row["auc"] for row in report.rows}
    for i, row in enumerate(report.rows):
        for name, of in (row["differences"] or {}).items():
            path, ratio = below(f"rows[{i}].differences", name), of["ratio_lo"]
            for key, factor in (("p", 1.0), ("p_shift", SHIFT)):
                if ratio is not None and of[key] is not None and ratio > factor and of[key] > LEVEL:
                    yield Fault(f"{path}.{key}", f"{of[key]} does not refuse {factor:g}, but `ratio_lo` is {ratio}")
            if of["mirrored"] and aucs[name] >= 0.5:
                yield Fault(f"{path}.mirrored", f"the AUC of the control is {aucs[name]}")


def _excluded(report: AuditReport, row: Row) -> dict[Kind, bool]:
    """Outcome → whether an attack cannot have it; each that is not named can be had."""
    coin, verified, p = report.design in BY_COIN, report.coin == "verified", row["p_adjusted"]
    check = report.placebo_checks.get(row.name)
    needed, valid = not coin or (row["reads_base"] and not verified), check is not None and check["valid"]
    refused, kept = p is not None and p <= LEVEL, p is not None and p > LEVEL
    return {
        "design violated": not verified,
        "leakage beyond controls": kept or report.design == "post_hoc" or (needed and not valid),
        "suggestive (a shift read up to 1.5 times better would explain it)": refused or coin or not valid,
        "suggestive (weak placebo)": not needed or check is None or valid,
        "suggestive (no placebo)": not needed or check is not None,
        "not evidence (post hoc design)": report.design != "post_hoc",
        "not evidence (controls incomplete)": verified or report.design == "post_hoc",
        "confounded": verified,
        "not detected at this power": refused,
        "tool failure": report.tools is None or report.tools["p"] < TOOL_LEVEL,
    }
