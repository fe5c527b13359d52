"""How lower bounds on ε are written, with what has to be known to read them."""

from lit_mia.metrics.privacy.one_run import ALPHA
from lit_mia.report.columns import Cell, Column, Place, Table, table_of
from lit_mia.report.membership.bounds import BoundOfTier
from lit_mia.report.membership.schema import AuditReport
from lit_mia.report.words import count, number, percent

DIGITS = 2


def bound_table(report: AuditReport, place: Place) -> Table | None:
    """The bounds of every tier; None where there are none.

    Args:
        report: The numbers.
        place: Where it will stand.
    """
    if report.dp_bound is None or not report.dp_bound["tiers"]:
        return None
    return table_of(
        "ε of",
        _COLUMNS,
        [report.dp_bound["tiers"]],
        place,
        name=tier_name,
        kind=lambda _: "attack",
        strong=lambda _: True,
    )


def bound_notes(report: AuditReport) -> list[str]:
    """Whose guesses the bounds rest on, and how to read them; or why there are none."""
    bound = report.dp_bound
    if bound is None:
        return []
    if bound["reason"] is not None:
        return [f"Lower bound on ε: none. {bound['reason']}"]
    lowest = f" and of the lowest {percent(bound['outside'])} that they are out" if bound["outside"] else ""
    sometimes = {
        "A group is one unit: ε bounds what all its records together give away.": any(
            tier["records"] > 1 for tier in bound["tiers"]
        ),
        "Several copies are a stress test: their ε bounds nothing for a record that stands in the data once.": any(
            tier["copies"] > 1 for tier in bound["tiers"]
        ),
    }
    return [
        f"Lower bound on ε: {percent(1 - ALPHA)} confidence, δ = {bound['delta']:g}, from one training run (Steinke, "
        f"Nasr and Jagielski 2023), each line by itself. {bound['attack']}, chosen on val, guesses of "
        f"the highest {percent(bound['inside'])} of the coins of test that they are in{lowest}.",
        "Ceiling: the bound if every guess were right. ε found: where guesses that are right as often as ε allows give "
        "a bound above 0 four times in five. From two rates: by thresholds frozen before test, and only if the "
        "training does not make units move together. A small bound is not privacy.",
        *(sentence for sentence, applies in sometimes.items() if applies),
    ]


def tier_name(tier: BoundOfTier) -> str:
    """What one coin decides about."""
    if tier["copies"] > 1:
        return f"{count(tier['copies'])} copies together"
    return "one record" if tier["records"] == 1 else f"one group, up to {count(tier['records'])} records"


_COLUMNS: tuple[Column[BoundOfTier], ...] = (
    Column("coins", "Coins", lambda tier: Cell(count(tier["coins"]))),
    Column(
        "right",
        "Right guesses",
        lambda tier: Cell(f"{count(tier['right'])} of {count(tier['guesses'])}"),
        short="Right",
    ),
    Column("epsilon", "ε at least", lambda tier: Cell(number(tier["epsilon"], DIGITS))),
    Column("ceiling", "Ceiling", lambda tier: Cell(number(tier["ceiling"], DIGITS))),
    Column("found", "ε found", lambda tier: Cell(number(tier["found"], DIGITS))),
    Column("two_rates", "From two rates", lambda tier: Cell(number(tier["two_rates"], DIGITS)), short="Two rates"),
)
