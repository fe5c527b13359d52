"""A report for others: no record is named in it."""

from dataclasses import replace

from lit_mia.records import id_hash
from lit_mia.report.membership.schema import AuditReport


def nameless(report: AuditReport) -> AuditReport:
    """The report with hashes for the ids of records that were skipped or show the same; its sentences name none.

    Args:
        report: The report.
    """
    return replace(
        report,
        skipped=[id_hash(name) for name in report.skipped],
        duplicates=[{**of, "ids": [id_hash(name) for name in of["ids"]]} for of in report.duplicates],
    )
