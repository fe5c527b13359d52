"""The sections of the page of a membership audit, in their order, and what each is given."""

from typing import Any, Literal, Protocol

from lit_mia.metrics.evidence import BY_COIN
from lit_mia.metrics.roc import Roc
from lit_mia.report.membership.bound_table import bound_notes, bound_table
from lit_mia.report.membership.briefing.access import to_whom
from lit_mia.report.membership.briefing.cost import at_what_cost
from lit_mia.report.membership.briefing.evidence import against_what, how_sure
from lit_mia.report.membership.columns import attack_table, short_name
from lit_mia.report.membership.details.histograms import histogram_figure
from lit_mia.report.membership.details.seeds import seed_table
from lit_mia.report.membership.details.thresholds import threshold_notes, threshold_table
from lit_mia.report.membership.fidelity import distance_rows, fidelity_notes
from lit_mia.report.membership.figures import family_roc_figure, forest_figure, roc_figure
from lit_mia.report.membership.findings import difference_table, headline_of
from lit_mia.report.membership.notes import (
    charge_notes,
    footnotes,
    fpr_floor,
    fpr_levels,
    power_note,
    statement,
    tried_note,
)
from lit_mia.report.membership.protocols import note_of
from lit_mia.report.membership.refused import unequal_refusals
from lit_mia.report.membership.schema import AuditReport, Row
from lit_mia.report.membership.self_test.figure import power_figure
from lit_mia.report.membership.self_test.rates import curves_of
from lit_mia.report.membership.self_test.table import self_test_table
from lit_mia.report.membership.self_test.words import (
    COMMAND,
    PURPOSE,
    not_run,
    of_report,
    self_test_findings,
    self_test_reading,
)
from lit_mia.report.membership.self_test_numbers import SelfTest
from lit_mia.report.membership.sets import set_notes, set_table
from lit_mia.report.membership.tiers import tier_table
from lit_mia.report.page import Section, tone_of, yaml_text
from lit_mia.report.style import svg
from lit_mia.row_kinds import ROW_KINDS

ScoredBy = Literal["heads", "statistics", "both"]
TONES = {
    "design violated": "violated",
    "leakage": "leakage",
    "suggestive": "suggestive",
    "not evidence": "no-evidence",
    "confounded": "confounded",
    "tool failure": "tool-failure",
    "not detected": "not-detected",
}
"""Beginning of a verdict's kind → CSS class."""
_ROOMY = 5  # as many columns of words, or of numbers with intervals, fit without breaking a cell


class Shown(Protocol):
    """The result that a page shows."""

    @property
    def report(self) -> AuditReport:
        """The numbers."""

    @property
    def self_test(self) -> SelfTest | None:
        """The last self-test in its folder."""

    @property
    def attacks(self) -> list[Row]:
        """The rows of attacks."""

    def curves(self) -> dict[str, Roc]:
        """The exact ROC curve of every row."""


def scored_by(report: AuditReport) -> ScoredBy:
    """What a report's attacks are, for sentences that differ in it."""
    heads = {row["protocol"] == "heads" for row in report.rows}
    return "both" if len(heads) > 1 else "heads" if True in heads else "statistics"


def _heading(result: Shown) -> dict[str, Any]:
    report = result.report
    return {
        "tone": tone_of(report.verdict["kind"], TONES),
        "by_coin": report.design in BY_COIN,
        "scored_by": scored_by(report),
        "statement": statement(report),
        "unequal_refusals": unequal_refusals(report.refused),
        "headline": headline_of(report),
        "reads_base": any(row["reads_base"] for row in result.attacks),
        "answers": {
            "To whom": to_whom(report),
            "How sure": how_sure(report, result.self_test),
            "Against what": against_what(report),
            "At what cost": at_what_cost(report),
        },
    }


def _table(result: Shown) -> dict[str, Any]:
    report, how = result.report, scored_by(result.report)
    table = attack_table(report, "page", (lambda row: row.name) if how == "heads" else short_name)
    broad = sum(words or measured for words, measured in zip(table.left, table.measured, strict=True))
    return {
        "table": table,
        "scored_by": how,
        "by_coin": report.design in BY_COIN,
        "differences": difference_table(report),
        "kinds": [ROW_KINDS[name] for name in dict.fromkeys(row.kind for row in report.rows) if name != "attack"],
        "classes": ("" if how == "heads" else "asked") + (" roomy" if broad <= _ROOMY else ""),
        "note": note_of(report.protocol),
        "footnotes": footnotes(report, fpr_levels(report.rows)),
    }


def _forest(result: Shown) -> dict[str, Any]:
    forest = svg(forest_figure(result.report), "forest", "AUC with 95 % interval of every attack and control")
    by_coin = result.report.design in BY_COIN
    return {"forest": forest, "scored_by": scored_by(result.report), "by_coin": by_coin}


def _roc(result: Shown) -> dict[str, Any]:
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


def _histograms(result: Shown) -> dict[str, Any]:
    drawn = [(row.name, row["histogram"]) for row in result.attacks if row["histogram"]]
    title = "Scores of members and non-members by {}"
    return {
        "panels": [
            svg(histogram_figure(name, of), f"scores{place}", title.format(name))
            for place, (name, of) in enumerate(drawn)
        ]
    }


def _thresholds(result: Shown) -> dict[str, Any]:
    return {"table": threshold_table(result.report, "page"), "notes": threshold_notes(result.report)}


def _seeds(result: Shown) -> dict[str, Any]:
    return {"table": seed_table(result.report, "page")}


def _design(result: Shown) -> dict[str, Any]:
    report = result.report
    return {
        "floor": fpr_floor(report),
        "power_note": power_note(report),
        "tried": tried_note(report),
        "tiers": tier_table(report, "page"),
    }


def _bounds(result: Shown) -> dict[str, Any]:
    return {"table": bound_table(result.report, "page"), "notes": bound_notes(result.report)}


def _self_test(result: Shown) -> dict[str, Any]:
    test = of_report(result.report, result.self_test)
    if test is None:
        return {"table": None, "not_run": not_run(result.self_test), "command": COMMAND, "purpose": PURPOSE}
    curves = curves_of(test)
    title = "Share of planted leaks that are found, by the AUC of the attack"
    return {
        "table": self_test_table(test, "page"),
        "figure": svg(power_figure(curves), "selftest", title) if curves else None,
        "created": test.created,
        "findings": self_test_findings(test),
        "notes": self_test_reading(test),
    }


def _controls(result: Shown) -> dict[str, Any]:
    """Sentence on a placebo → the attacks that have it."""
    placebos: dict[str, list[str]] = {}
    for attack, check in result.report.placebo_checks.items():
        placebos.setdefault(check["sentence"], []).append(attack)
    return {"placebos": placebos}


def _fidelity(result: Shown) -> dict[str, Any]:
    fidelity = result.report.fidelity
    if fidelity is None:
        return {}
    return {"distances": distance_rows(fidelity), "fidelity_notes": fidelity_notes(fidelity)}


def _sets(result: Shown) -> dict[str, Any]:
    return {"table": set_table(result.report, "page"), "notes": set_notes(result.report)}


def _provenance(result: Shown) -> dict[str, Any]:
    report = result.report
    tools = {"How targets answered": report.facts, "Encoder": report.encoder, "Captioner": report.captioner}
    sometimes = {
        "Base": report.base,
        "Shadow": report.shadow,
        **tools,
        "Records skipped": dict.fromkeys(report.skipped, "skipped"),
    }
    return {
        "config": yaml_text(report.config),
        "details": {
            "Target": report.target,
            "Placebo": report.placebo,
            **{title: values for title, values in sometimes.items() if values},
        },
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


BEFORE_PICTURES: tuple[Section[Shown], ...] = (
    Section("membership/heading.html.jinja", _heading),
    Section("membership/table.html.jinja", _table),
    Section("membership/forest.html.jinja", _forest),
    Section("membership/roc.html.jinja", _roc),
    Section("membership/histograms.html.jinja", _histograms, lambda of: any(row["histogram"] for row in of.attacks)),
)
AFTER_PICTURES: tuple[Section[Shown], ...] = (
    Section("membership/thresholds.html.jinja", _thresholds),
    Section("membership/seeds.html.jinja", _seeds, lambda of: seed_table(of.report, "page") is not None),
    Section("membership/controls.html.jinja", _controls),
    Section("membership/sets.html.jinja", _sets, lambda result: result.report.set_level is not None),
    Section("membership/fidelity.html.jinja", _fidelity, lambda result: result.report.fidelity is not None),
    Section("membership/design.html.jinja", _design),
    Section("membership/self_test.html.jinja", _self_test),
    Section("membership/bounds.html.jinja", _bounds, lambda result: result.report.dp_bound is not None),
    Section("membership/cost.html.jinja", lambda result: {"charge_notes": charge_notes(result.report)}),
    Section("membership/limits.html.jinja"),
    Section("provenance.html.jinja", _provenance),
)
