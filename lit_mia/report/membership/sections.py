"""The sections of the page of a membership audit, in their order; each says when it applies."""

from typing import Any, Literal

from lit_mia.report.columns import Table, table_of
from lit_mia.report.finite import spell_non_finite
from lit_mia.report.membership.columns import COLUMNS, is_attack, short_name
from lit_mia.report.membership.content import Content
from lit_mia.report.membership.fidelity import distance_rows, fidelity_notes
from lit_mia.report.membership.notes import blocks, charge_notes, footnotes, fpr_floor, fpr_levels, statement
from lit_mia.report.membership.protocols import note_of
from lit_mia.report.membership.refused import unequal_refusals
from lit_mia.report.membership.schema import AuditReport, Row
from lit_mia.report.page import Section, yaml_text
from lit_mia.row_kinds import ROW_KINDS

ScoredBy = Literal["heads", "statistics", "both"]
TONES = {
    "leakage": "leakage",
    "not evidence": "no-evidence",
    "confounded": "confounded",
    "tool failure": "tool-failure",
    "not detected": "not-detected",
}
"""Beginning of a verdict's kind → CSS class."""
_ROOMY = 5  # as many columns of words, or of numbers with intervals, fit without breaking a cell


def tone_of(kind: str) -> str:
    """CSS class of a verdict."""
    return next((tone for start, tone in TONES.items() if kind.startswith(start)), "other")


def scored_by(report: AuditReport) -> ScoredBy:
    """What a report's attacks are, for sentences that differ in it."""
    heads = {row["protocol"] == "heads" for row in report.rows}
    return "both" if len(heads) > 1 else "heads" if True in heads else "statistics"


def page_table(report: AuditReport) -> Table:
    """The headline table of the page."""
    heads = scored_by(report) == "heads"
    return table_of(
        "Attack",
        COLUMNS,
        blocks(report),
        "page",
        name=lambda row: row.name if heads else short_name(row),
        kind=lambda row: row.kind,
        strong=is_attack,
    )


def _heading(result: Content) -> dict[str, Any]:
    report, attacks = result.report, result.attacks
    compared = [row for row in attacks if row["delta_auc"] is not None]
    return {
        "verdict": tone_of(report.verdict["kind"]),
        "scored_by": scored_by(report),
        "statement": statement(report),
        "unequal_refusals": unequal_refusals(report.refused),
        "attacks": attacks,
        "beaten": sum(bool(row["beats_controls"]) for row in attacks),
        "top": max(compared, key=lambda row: float(row["delta_auc"]), default=None),
    }


def _table(result: Content) -> dict[str, Any]:
    report, how = result.report, scored_by(result.report)
    table = page_table(report)
    broad = sum(words or measured for words, measured in zip(table.left, table.measured, strict=True))
    return {
        "table": table,
        "scored_by": how,
        "kinds": [ROW_KINDS[name] for name in dict.fromkeys(row.kind for row in report.rows) if name != "attack"],
        "classes": ("" if how == "heads" else "asked") + (" roomy" if broad <= _ROOMY else ""),
        "note": note_of(report.protocol),
        "footnotes": footnotes(report, fpr_levels(report)),
    }


def _forest(result: Content) -> dict[str, Any]:
    from markupsafe import Markup

    from lit_mia.report.membership.figures import forest_figure
    from lit_mia.report.style import svg

    title = "AUC with 95 % interval of every attack and control"
    forest = Markup(svg(forest_figure(result.report), "forest", title))
    return {"forest": forest, "scored_by": scored_by(result.report)}


def _roc(result: Content) -> dict[str, Any]:
    from markupsafe import Markup

    from lit_mia.report.membership.figures import family_roc_figure, roc_figure
    from lit_mia.report.style import svg

    report, rocs, names = result.report, result.curves(), [row.name for row in result.attacks]
    family = svg(family_roc_figure(report, rocs), "family", "Log–log ROC curves of all attacks")
    panels = [
        svg(roc_figure(report, rocs, [name]), f"roc{i}", f"Log–log ROC curves of attack {name} and its controls")
        for i, name in enumerate(names)
    ]
    return {
        "family": Markup(family) if len(names) > 1 else "",
        "panels": [Markup(panel) for panel in panels],
        "floor": fpr_floor(report),
    }


def _fidelity(result: Content) -> dict[str, Any]:
    fidelity = result.report.fidelity
    if fidelity is None:
        return {}
    return {"distances": distance_rows(fidelity), "fidelity_notes": fidelity_notes(fidelity)}


def _provenance(result: Content) -> dict[str, Any]:
    report = result.report
    details: dict[str, Any] = {"Target": report.target, "Placebo": report.placebo}
    details |= {"Encoder": report.encoder} if report.encoder else {}
    details |= {"Captioner": report.captioner} if report.captioner else {}
    details |= {"Records skipped": dict.fromkeys(report.skipped, "skipped")} if report.skipped else {}
    return {
        "config": yaml_text(spell_non_finite(report.config)),
        "details": details,
        "digests": {
            "split seed": report.splits["seed"],
            "splits": report.splits["digest"],
            "store": report.store_digest,
            "git": report.git or "none",
            "schema": report.schema,
        },
        "versions": report.versions,
        "footer": f"{report.created} · numbers in audit.json, scores in scores.parquet, curves in roc.csv",
    }


def _rows(result: Content) -> dict[str, list[Row]]:
    return {"attacks": result.attacks}


BEFORE_PICTURES: tuple[Section[Content], ...] = (
    Section("membership/heading.html.jinja", _heading),
    Section("membership/table.html.jinja", _table),
    Section("membership/forest.html.jinja", _forest),
    Section("membership/roc.html.jinja", _roc),
)
AFTER_PICTURES: tuple[Section[Content], ...] = (
    Section("membership/thresholds.html.jinja", _rows),
    Section("membership/controls.html.jinja"),
    Section("membership/fidelity.html.jinja", _fidelity, lambda result: result.report.fidelity is not None),
    Section("membership/design.html.jinja", lambda result: {"floor": fpr_floor(result.report)}),
    Section("membership/cost.html.jinja", lambda result: {"charge_notes": charge_notes(result.report)}),
    Section("membership/limits.html.jinja"),
    Section("provenance.html.jinja", _provenance),
)
