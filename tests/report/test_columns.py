"""A column is declared once; which tables have it, and what they hold, follows."""

from dataclasses import dataclass, replace

import pytest

from lit_mia.report.columns import PLACES, READ, TABLES, Cell, Column, shown_columns, table_of, values_of


@dataclass(frozen=True)
class Row:
    name: str
    auc: float
    rates: tuple[float, ...] = ()


ROWS = [Row("II-S", 0.75, (0.5, 0.25)), Row("blind", 0.5, (0.125, 0.0))]
AUC = Column[Row](
    name="auc",
    heading="AUC [95 % CI]",
    short="AUC",
    write=lambda row: Cell(f"{row.auc:.3f}", "[0.1, 0.9]"),
    brief=lambda row: Cell(f"{row.auc:.3f}"),
    value=lambda row: row.auc,
)
WORDS = Column[Row](name="name", heading="Name", write=lambda row: Cell(row.name), left=True)
RATES = Column[Row](
    name="rates",
    heading="",
    write=lambda _: Cell(),
    parts=lambda rows: [
        replace(AUC, name=f"rate {place}", value=lambda row, place=place: row.rates[place])
        for place in range(len(rows[0].rates))
    ],
)


def made(columns, place="page"):
    return table_of(
        "Row",
        columns,
        [ROWS[:1], ROWS[1:]],
        place,
        name=lambda row: row.name,
        kind=lambda row: "attack" if row.auc > 0.5 else "blind",
        strong=lambda row: row.auc > 0.5,
    )


def test_readers_and_programs_are_all_places():
    assert READ | TABLES == PLACES
    assert not READ & TABLES


def test_a_column_stands_where_it_is_shown():
    page_only = replace(AUC, name="page only", shown=frozenset({"page"}))
    assert [column.name for column in shown_columns([AUC, page_only], ROWS, "page")] == ["auc", "page only"]
    assert [column.name for column in shown_columns([AUC, page_only], ROWS, "terminal")] == ["auc"]


def test_a_column_may_depend_on_the_rows():
    high = replace(AUC, name="high", when=lambda rows: max(row.auc for row in rows) > 0.8)
    assert shown_columns([high], ROWS, "csv") == []
    assert shown_columns([high], [*ROWS, Row("III", 0.9)], "csv") == [high]
    assert shown_columns([AUC], [], "csv") == []


def test_parts_take_the_place_of_their_column():
    assert values_of([AUC, RATES], ROWS, "wandb") == {
        "auc": [0.75, 0.5],
        "rate 0": [0.5, 0.125],
        "rate 1": [0.25, 0.0],
    }


def test_files_hold_values_and_leave_out_what_is_for_readers_only():
    assert values_of([WORDS, AUC], ROWS, "csv") == {"auc": [0.75, 0.5]}


@pytest.mark.parametrize(
    ("place", "line"), [("page", "0.750 [0.1, 0.9]"), ("terminal", "0.750"), ("markdown", "0.750")]
)
def test_the_page_has_room_for_the_whole_cell(place, line):
    (attack,), (control,) = made([AUC], place).blocks
    assert attack.cells[0].line == line
    assert (attack.kind, attack.strong) == ("attack", True)
    assert (control.name, control.kind, control.strong) == ("blind", "blind", False)


def test_headings_are_shorter_in_the_terminal():
    table = made([WORDS, AUC], "terminal")
    assert table.headings == ("Name", "AUC [95 % CI]")
    assert table.shorts == ("Name", "AUC")
    assert table.left == (True, False)


def test_where_there_is_room_for_one_column_it_is_the_first_with_intervals():
    assert made([WORDS, AUC, AUC]).headline == 1
    assert made([WORDS, AUC, AUC]).measured == (False, True, True)
    assert made([WORDS, AUC], "markdown").headline == 0
    assert made([]).headline == 0
