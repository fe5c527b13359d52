"""Whether the suspected records of an audit, taken together, are told from known non-members: its numbers and words."""

from collections.abc import Sequence
from functools import partial

import numpy as np

from lit_mia.metrics.evidence import LEVEL as OF_CONTROLS
from lit_mia.metrics.sentences import enumerated
from lit_mia.metrics.set_level import LEVEL, MOST, SETS, SetTest, false_rejections, set_tests
from lit_mia.records import Records
from lit_mia.report.columns import Cell, Column, Place, Table, table_of
from lit_mia.report.membership.columns import is_attack
from lit_mia.report.membership.evaluation import Evaluation
from lit_mia.report.membership.schema import AuditReport
from lit_mia.report.membership.scores import Part
from lit_mia.report.membership.set_numbers import SetFamily, SetLevel
from lit_mia.report.tables import markdown_notes, markdown_table
from lit_mia.report.words import NOTHING, bare_p, count, p_value, percent, percent_interval
from lit_mia.splits import Splits


def set_level_of(evaluation: Evaluation, records: Records, splits: Splits) -> SetLevel | None:
    """Test the members of the test split as a set, by all attacks, and by each kind of control.

    Args:
        evaluation: The scores. Attacks whose tool failed are left out, as the verdict leaves them out.
        records: The records of known membership.
        splits: Their splits.

    Returns:
        The numbers; None if no attack is left.
    """
    test = Part.of(records, splits, "test")
    members, others = ({*test.groups[test.labels == side]} for side in (1, 0))
    rows = [row for row in evaluation.rows if evaluation.verdict.outcomes[row.attack] != "tool failure"]
    if not rows:
        return None
    kinds = dict.fromkeys(row.kind for row in sorted(rows, key=lambda row: not is_attack(row)))
    families = {
        kind: np.stack([evaluation.combined[row.name][test.rows] for row in rows if row.kind == kind]) for kind in kinds
    }
    tests = set_tests(families, test.labels, test.groups, undirected=kinds.keys() - {"attack"})
    rate = false_rejections(families["attack"], test.labels, test.groups)
    return {
        "suspected": min(len(members), MOST),
        "known": min(len(others), MOST),
        "families": [_family(kind, found) for kind, found in tests.items()],
        "false_rejections": None if rate is None else (rate.value, (rate.ci.lo, rate.ci.hi)),
    }


def set_table(report: AuditReport, place: Place) -> Table:
    """The table of the test: attacks, then each kind of control.

    Args:
        report: The numbers, those of this test among them.
        place: Where it will stand.
    """
    families = report.set_level["families"] if report.set_level else []
    return table_of(
        "Scores joined",
        _COLUMNS,
        [families],
        place,
        name=lambda family: "attacks" if _of_attacks(family) else family["kind"],
        kind=lambda family: family["kind"],
        strong=_of_attacks,
    )


def set_notes(report: AuditReport) -> list[str]:
    """What the test found, in one sentence; then how to read it. Nothing where there is none."""
    found = report.set_level
    if found is None:
        return []
    unit = _unit(report)
    attacks, *controls = found["families"]
    readers = [family["kind"] for family in controls if family["p"] <= OF_CONTROLS]
    rate = found["false_rejections"]
    sometimes = {
        "No coin decided who is a member: any other difference between the two sides would be found too.": (
            report.coin is None
        ),
        "The coin is stated, not checked: if it did not decide, any difference between the two sides would be found.": (
            report.coin == "stated"
        ),
        f"Of the {unit}, {count(MOST)} a side were used, drawn once.": MOST in (found["suspected"], found["known"]),
    }
    return [
        f"As a set: {p_value(attacks['p'])} of {count(found['suspected'])} suspected {unit} beside "
        f"{count(found['known'])} known ones; {_enough(attacks, unit)}."
        + (
            f" Controls tell the sides apart too ({enumerated(readers)}): it need not be membership." if readers else ""
        ),
        *(sentence for sentence, applies in sometimes.items() if applies),
        f"A control tells the sides apart if its p ≤ {OF_CONTROLS}, of whichever sign.",
        f"Shares: of {count(SETS)} sets drawn from these {unit}, those with p ≤ {percent(LEVEL)}, each beside all "
        "known ones. Large sets overlap, so their share is one of these records, not of others.",
        *(
            [f"Non-members against non-members: {_rate(*rate)}. This checks the computation, not the design."]
            if rate
            else []
        ),
    ]


def set_markdown(report: AuditReport) -> str:
    """Table and notes as GitHub Markdown; empty where there is no such test."""
    notes = markdown_notes(set_notes(report))
    return f"\n{markdown_table(set_table(report, 'markdown'))}\n{notes}" if notes else ""


def _family(kind: str, found: SetTest) -> SetFamily:
    sizes, shares = [*found.shares], [*found.shares.values()]
    return {"kind": kind, "p": found.p, "sizes": sizes, "shares": shares, "smallest": found.smallest}


def _of_attacks(family: SetFamily) -> bool:
    return family["kind"] == "attack"


def _unit(report: AuditReport) -> str:
    """What is counted: records, if each is its own group."""
    return "records" if report.splits["groups"] == report.n_records else "groups"


def _enough(family: SetFamily, unit: str) -> str:
    """How many are enough for the test at 1 %."""
    smallest = family["smallest"]
    if smallest is None:
        return f"not even all are enough at {percent(LEVEL)}"
    if smallest == family["sizes"][-1]:
        return f"all together are enough at {percent(LEVEL)}, fewer are not"
    return f"{count(smallest)} {unit} are enough four times in five at {percent(LEVEL)}"


def _rate(rate: float, ci: tuple[float, float]) -> str:
    return f"{percent(rate)} {percent_interval(ci)} of {count(SETS)} halves are rejected at {percent(LEVEL)}"


def _share(family: SetFamily, place: int) -> Cell:
    return Cell(percent(family["shares"][place]))


def _by_size(families: Sequence[SetFamily]) -> list[Column[SetFamily]]:
    """The share of each size that sets were drawn of."""
    return [
        Column(f"share_{size}", f"{count(size)} of them", partial(_share, place=place), short=count(size))
        for place, size in enumerate(families[0]["sizes"][:-1])
    ]


_COLUMNS: tuple[Column[SetFamily], ...] = (
    Column("shares", "Share found", parts=_by_size),
    Column("p", "p of all", lambda family: Cell(bare_p(family["p"]))),
    Column(
        "smallest",
        "Enough (80 %)",
        lambda family: Cell(NOTHING if family["smallest"] is None else count(family["smallest"])),
    ),
)
