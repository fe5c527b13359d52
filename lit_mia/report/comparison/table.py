"""The table of a comparison."""

from collections.abc import Sequence
from dataclasses import dataclass

from lit_mia.report.columns import PLACES, Cell, Column, Place, Table, table_of
from lit_mia.report.comparison.numbers import Area, ComparedRow, Comparison
from lit_mia.report.comparison.words import rate_heading
from lit_mia.report.words import bare_p, bounds, interval, number, signed

_PAGE: frozenset[Place] = frozenset({"page"})


@dataclass(frozen=True)
class Line:
    """A line of the table: a row of both audits on all of their records, or on those in both.

    Attributes:
        row: The row.
        pairs: Whether the AUCs are those of the records that the change is measured on.
        changed: Whether the line has the change.
        name: What it is called.
    """

    row: ComparedRow
    pairs: bool
    changed: bool
    name: str


def comparison_table(of: Comparison, place: Place) -> Table:
    """The table; where only some records match, the change stands on a line of these alone.

    Args:
        of: The comparison.
        place: Where it will stand; controls are left out in the terminal.
    """
    rows = [row for row in of.rows if row.is_attack or place != "terminal"]
    blocks = [
        [line for row in rows if row.attack == attack for line in _lines(of, row)]
        for attack in dict.fromkeys(row.attack for row in rows)
    ]
    return table_of(
        "Attack",
        _COLUMNS,
        blocks,
        place,
        name=lambda line: line.name,
        kind=lambda line: line.row.kind,
        strong=lambda line: line.row.is_attack,
    )


def _lines(of: Comparison, row: ComparedRow) -> list[Line]:
    name = row.name if row.is_attack else row.name.removeprefix(f"{row.attack} ")
    if of.matched.basis != "shared":
        return [Line(row, pairs=False, changed=True, name=name)]
    return [
        Line(row, pairs=False, changed=False, name=name),
        Line(row, pairs=True, changed=True, name=f"{name}, in both"),
    ]


def _area(line: Line, after: bool) -> Cell:
    whole: Area = line.row.b if after else line.row.a
    change = line.row.change
    area = (change.after if after else change.before) if line.pairs and change else whole
    return Cell(number(area.auc), bounds(area.ci))


def _change(line: Line) -> Cell:
    change = line.row.change
    if change is None or not line.changed:
        return Cell()
    if change.delta == 0 and change.ci is None:
        return Cell("0", note="unchanged")
    p = bare_p(change.p_decisive)
    return Cell(signed(change.delta), bounds(change.ci), f"p {'' if p.startswith('<') else '= '}{p}" if p else "")


def _seen(line: Line) -> Cell:
    change = line.row.change
    return Cell(number(change.detectable) if change and line.changed and line.row.is_attack else "")


def _beside(line: Line) -> Cell:
    beside = line.row.beside
    return Cell(signed(beside.delta), bounds(beside.ci)) if beside and line.changed else Cell()


def _rate_columns(lines: Sequence[Line]) -> list[Column[Line]]:
    levels = dict.fromkeys(moved.fpr for line in lines for moved in line.row.tpr)
    return [_rate_column(fpr) for fpr in levels]


def _rate_column(fpr: float) -> Column[Line]:
    def write(line: Line) -> Cell:
        moved = next((of for of in line.row.tpr if of.fpr == fpr and line.changed), None)
        if moved is None:
            return Cell()
        return Cell(signed(moved.delta), interval(moved.ci), f"{number(moved.before)} → {number(moved.after)}")

    return Column(f"tpr@{fpr:g}", rate_heading(fpr), write, shown=_PAGE)


_COLUMNS: tuple[Column[Line], ...] = (
    Column("a", "A: AUC [95 % CI]", lambda line: _area(line, after=False), short="A"),
    Column("b", "B: AUC [95 % CI]", lambda line: _area(line, after=True), short="B"),
    Column("change", "Change B − A [95 % CI]", _change, short="B − A"),
    Column(
        "detectable",
        "Would be seen",
        _seen,
        short="Would\nbe seen",
        when=lambda lines: any(x.row.change for x in lines),
    ),
    Column("tpr", "", parts=_rate_columns, shown=PLACES),
    Column(
        "beside",
        "Attack beside it, change",
        _beside,
        shown=_PAGE,
        when=lambda lines: any(line.row.beside for line in lines),
    ),
)
