"""What an audit cost, in sentences."""

from lit_mia.report.membership.notes import charge_notes
from lit_mia.report.membership.schema import AuditReport
from lit_mia.report.words import count, duration, number


def at_what_cost(report: AuditReport) -> list[str]:
    """Queries, time and money of this run, and what was ever charged."""
    cost = report.cost
    asked = ", ".join(f"{model} {count(spent['queries'])}" for model, spent in cost.by_target.items())
    queries = f"{count(cost.queries)} queries in {duration(cost.seconds)} ({asked})" if cost.queries else "No queries"
    return [
        f"{queries} in this run; what was answered before is not asked again.",
        f"Whole audit: {duration(cost.seconds_total)}.",
        *([f"Price of the queries: {number(cost.money, 2)}."] if cost.money else []),
        *charge_notes(report),
    ]
