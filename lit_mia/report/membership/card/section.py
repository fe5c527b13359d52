"""What a membership audit found, as Markdown for a model card or a data-protection file; nothing of single records."""

from collections.abc import Sequence
from dataclasses import replace

from lit_mia.report.columns import table_of
from lit_mia.report.membership.bound_table import bound_notes, bound_table
from lit_mia.report.membership.calibrations import calibration_notes
from lit_mia.report.membership.card.facts import fact_table
from lit_mia.report.membership.columns import COLUMNS, is_attack
from lit_mia.report.membership.findings import headline_of
from lit_mia.report.membership.notes import fpr_levels, measured_notes, statement
from lit_mia.report.membership.protocols import note_of
from lit_mia.report.membership.refused import unequal_refusals
from lit_mia.report.membership.schema import AuditReport, Row
from lit_mia.report.membership.self_test_numbers import SelfTest
from lit_mia.report.tables import escaped, markdown_notes, markdown_table

_COLUMNS = ("auc", "tpr", "smallest_difference", "ratio_lo")
"""What is told of each attack, by the names in `COLUMNS`; its finding is last."""


def card(report: AuditReport, test: SelfTest | None) -> str:
    """The section of a model card: the verdict, what it rests on, every attack, and what it does not mean.

    Args:
        report: The numbers.
        test: The last self-test in the folder of the audit.
    """
    bounds, attacks = bound_table(report, "markdown"), [row for row in report.rows if is_attack(row)]
    shown = replace(report, rows=attacks)
    notes = [*filter(None, [note_of(report.protocol)]), *measured_notes(shown, fpr_levels(attacks))]
    parts = [
        "## Membership inference audit\n",
        *_verdict(report),
        markdown_table(fact_table(report, test)),
        _attacks(attacks),
        markdown_notes([*notes, *calibration_notes(report)]),
        *([markdown_table(bounds)] if bounds else []),
        markdown_notes(bound_notes(report)),
        "### What this does not mean\n",
        markdown_notes(report.limits),
    ]
    return "\n".join(filter(None, parts))


def document(report: AuditReport, test: SelfTest | None, table: str) -> str:
    """The whole of `report.md`.

    Args:
        report: The numbers.
        test: The last self-test in the folder of the audit.
        table: Every attack beside its controls, with notes, as Markdown.
    """
    return f"# {escaped(report.name)}\n\n{card(report, test)}\n## Every attack beside its controls\n\n{table}"


def _verdict(report: AuditReport) -> Sequence[str]:
    """Paragraphs: the verdict, warnings, and the number that the audit is known by."""
    kind, headline = report.verdict["kind"], headline_of(report)
    told = [f"**{escaped(kind[:1].upper() + kind[1:])}.** {escaped(statement(report))}"]
    told += map(escaped, unequal_refusals(report.refused))
    if headline is not None:
        what = headline.what[:1].upper() + headline.what[1:]
        told.append(f"{escaped(what)}: **{headline.text}** {escaped(headline.interval)}")
    return [f"{paragraph}\n" for paragraph in told]


def _attacks(attacks: Sequence[Row]) -> str:
    return markdown_table(
        table_of(
            "Attack",
            [*(COLUMNS[name] for name in _COLUMNS), replace(COLUMNS["outcome"], heading="Finding, adjusted p")],
            [attacks],
            "page",
            name=lambda row: row.name,
            kind=lambda row: row.kind,
            strong=is_attack,
        )
    )
