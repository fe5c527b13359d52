"""The page of a membership audit: its sections in their order, each of which says when it applies."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from lit_mia.errors import ReportError
from lit_mia.metrics.roc import Roc
from lit_mia.report.columns import Place, Table, table_of
from lit_mia.report.membership.columns import COLUMNS, is_attack, short_name
from lit_mia.report.membership.figures import family_roc_figure, forest_figure, roc_figure
from lit_mia.report.membership.notes import (
    blocks,
    charge_notes,
    distance_rows,
    fidelity_notes,
    footnotes,
    fpr_floor,
    fpr_levels,
    note_of,
    statement,
    unequal_refusals,
)
from lit_mia.report.membership.schema import AuditReport, Row
from lit_mia.report.membership.scores import ScoreTable, curves
from lit_mia.report.page import Section, yaml_text
from lit_mia.report.style import svg
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


@dataclass(frozen=True, eq=False)
class Content:
    """Numbers and scores.

    Attributes:
        report: What `audit.json` holds.
        scores: Scores of single records.
    """

    report: AuditReport
    scores: ScoreTable

    @property
    def attacks(self) -> list[Row]:
        """The rows of attacks."""
        return [row for row in self.report.rows if is_attack(row)]

    def curves(self) -> dict[str, Roc]:
        """The exact ROC curve of every row.

        Raises:
            ReportError: If a row of the report has no scores.
        """
        rocs = curves(self.scores)
        missing = [row.name for row in self.report.rows if row.name not in rocs]
        if missing:
            raise ReportError(f"There are no combined test scores for {missing}. Are all files of one audit?")
        return rocs


def tone_of(kind: str) -> str:
    """CSS class of a verdict."""
    return next((tone for start, tone in TONES.items() if kind.startswith(start)), "other")


def scored_by(report: AuditReport) -> ScoredBy:
    """What a report's attacks are, for sentences that differ in it."""
    heads = {row["protocol"] == "heads" for row in report.rows}
    return "both" if len(heads) > 1 else "heads" if True in heads else "statistics"


def attack_table(report: AuditReport, place: Place, name: Callable[[Row], str]) -> Table:
    """The headline table.

    Args:
        report: The numbers.
        place: Where it will stand.
        name: What a row is called.
    """
    return table_of("Attack", COLUMNS, blocks(report), place, name=name, kind=lambda row: row.kind, strong=is_attack)


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
    table = attack_table(report, "page", (lambda row: row.name) if how == "heads" else short_name)
    broad = sum(words or measured for words, measured in zip(table.left, table.measured, strict=True))
    return {
        "table": table,
        "scored_by": how,
        "kinds": [ROW_KINDS[name] for name in dict.fromkeys(row.kind for row in report.rows) if name != "attack"],
        "classes": ("" if how == "heads" else "asked") + (" roomy" if broad <= _ROOMY else ""),
        "note": note_of(report.protocol),
        "footnotes": footnotes(report, fpr_levels(report.rows)),
    }


def _forest(result: Content) -> dict[str, Any]:
    forest = svg(forest_figure(result.report), "forest", "AUC with 95 % interval of every attack and control")
    return {"forest": forest, "scored_by": scored_by(result.report)}


def _roc(result: Content) -> dict[str, Any]:
    report, rocs, names = result.report, result.curves(), [row.name for row in result.attacks]
    family = svg(family_roc_figure(report, rocs), "family", "Log–log ROC curves of all attacks")
    panels = [
        svg(roc_figure(report, rocs, [name]), f"roc{i}", f"Log–log ROC curves of attack {name} and its controls")
        for i, name in enumerate(names)
    ]
    return {
        "family": family if len(names) > 1 else "",
        "panels": panels,
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
        "config": yaml_text(report.config),
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


BEFORE_PICTURES: tuple[Section[Content], ...] = (
    Section("membership/heading.html.jinja", _heading),
    Section("membership/table.html.jinja", _table),
    Section("membership/forest.html.jinja", _forest),
    Section("membership/roc.html.jinja", _roc),
)
AFTER_PICTURES: tuple[Section[Content], ...] = (
    Section("membership/thresholds.html.jinja", lambda result: {"attacks": result.attacks}),
    Section("membership/controls.html.jinja"),
    Section("membership/fidelity.html.jinja", _fidelity, lambda result: result.report.fidelity is not None),
    Section("membership/design.html.jinja", lambda result: {"floor": fpr_floor(result.report)}),
    Section("membership/cost.html.jinja", lambda result: {"charge_notes": charge_notes(result.report)}),
    Section("membership/limits.html.jinja"),
    Section("provenance.html.jinja", _provenance),
)
