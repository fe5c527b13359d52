"""A report for others: no record is named in it."""

import re
from collections.abc import Sequence
from dataclasses import replace

from lit_mia.records import id_hash
from lit_mia.report.membership.schema import AuditReport

LEFT_OUT = "A sentence that names records is in the report on the machine of the audit."


def nameless(report: AuditReport) -> AuditReport:
    """The report with hashes for the ids of records that were skipped or show the same, and no sentence that names one.

    Args:
        report: The report.
    """
    named = {*report.skipped, *(name for of in report.duplicates for name in of["ids"])}
    return replace(
        report,
        skipped=[id_hash(name) for name in report.skipped],
        duplicates=[{**of, "ids": [id_hash(name) for name in of["ids"]]} for of in report.duplicates],
        limits=_without(report.limits, named),
    )


def _without(sentences: Sequence[str], named: set[str]) -> list[str]:
    if not named:
        return list(sentences)
    names = re.compile("|".join(rf"(?<!\w){re.escape(name)}(?!\w)" for name in sorted(named)))
    return [LEFT_OUT if names.search(sentence) else sentence for sentence in sentences]
