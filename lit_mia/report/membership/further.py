"""What a report says after the headline table where one thing is read after another: further tables, further notes."""

from lit_mia.report.columns import Place, Table
from lit_mia.report.membership.bound_table import bound_notes, bound_table
from lit_mia.report.membership.schema import AuditReport
from lit_mia.report.membership.tiers import tier_table

TABLES = (tier_table, bound_table)
NOTES = (bound_notes,)


def further_tables(report: AuditReport, place: Place) -> list[Table]:
    """Those of the tables that the report has.

    Args:
        report: The numbers.
        place: Where they will stand.
    """
    return [table for of in TABLES if (table := of(report, place)) is not None]


def further_notes(report: AuditReport) -> list[str]:
    """The sentences that they need."""
    return [note for of in NOTES for note in of(report)]
