"""Tables in the terminal, as Markdown and as CSV: nothing cut, nothing taken as markup."""

import csv
from dataclasses import dataclass

import pytest
from rich.console import Console

from lit_mia.report.columns import PLACES, Cell, Column, table_of, values_of
from lit_mia.report.tables import WIDTH, markdown_table, terminal_table, write_csv


@dataclass(frozen=True)
class Row:
    name: str
    kind: str
    auc: float
    versus: str = ""
    setting: str = ""


ROWS = [
    [Row("II-S", "attack", 0.75, "II-S round trip", "t = 200, k = 100, n = 10"), Row("round trip", "round trip", 0.5)],
    [Row("FreMIA ReDiffuse pixel SSIM", "attack", 0.6, "blind"), Row("blind", "blind", 0.55)],
]
BOUNDS = "[0.650, 0.770]"
COLUMNS = [
    Column[Row]("setting", "Setting", lambda row: Cell(row.setting), lambda row: row.setting, left=True),
    Column[Row]("nfe", "NFE", lambda row: Cell("1 010"), lambda row: 1010),
    Column[Row]("auc", "AUC [95 % CI]", lambda row: Cell(f"{row.auc:.3f}", BOUNDS), lambda row: row.auc),
    Column[Row]("accuracy", "Accuracy", lambda row: Cell("0.612"), short="Acc."),
    Column[Row]("tpr@0.1", "TPR@10 % FPR", lambda row: Cell("0.512"), short="TPR@\n10 %"),
    Column[Row]("tpr@0.01", "TPR@1 % FPR", lambda row: Cell("–"), short="TPR@\n1 %"),
    Column[Row](
        "delta", "ΔAUC [95 % CI]", lambda row: Cell("−0.180", BOUNDS, f"vs {row.versus}") if row.versus else Cell()
    ),
    Column[Row]("beats", "Beats controls", lambda row: Cell("✓", good=True) if row.versus else Cell(), short="Beats"),
]
HEADS = COLUMNS[2:]


def table(columns, place="terminal", rows=ROWS):
    return table_of(
        "Attack", columns, rows, place, lambda r: r.name, lambda r: r.kind, lambda row: row.kind == "attack"
    )


def printed(made, width=WIDTH):
    console = Console(width=width)
    with console.capture() as capture:
        console.print(terminal_table(made))
    return capture.get()


@pytest.mark.parametrize("columns", [HEADS, COLUMNS], ids=["heads", "statistics"])
@pytest.mark.parametrize("width", [WIDTH, 140])
def test_nothing_is_cut_in_a_narrow_console(columns, width):
    lines = printed(table(columns), width).splitlines()
    assert max(len(line.rstrip()) for line in lines) <= width
    text = " ".join(" ".join(lines).split())
    assert "…" not in text
    for part in (BOUNDS, "0.750", "−0.180", "1 010" if columns is COLUMNS else "0.612", "✓"):
        assert part in text
    for word in ["FreMIA", "ReDiffuse", "pixel", "SSIM", "round", "trip", "blind"]:
        assert word in text


def test_strong_rows_begin_their_block_and_others_are_indented_below():
    lines = [line.rstrip() for line in printed(table(HEADS)).splitlines()]
    starts = [line[:9].rstrip() for line in lines if line[:9].strip()]
    assert [start for start in starts if start.strip() in ("II-S", "blind")] == ["II-S", "  blind"]
    assert "" in lines  # blocks are apart


def test_an_interval_stands_beside_its_number_while_there_is_room():
    roomy = [line for line in printed(table(COLUMNS[2:4])).splitlines() if "0.750" in line]
    assert f"0.750 {BOUNDS}" in roomy[0]
    narrow = printed(table(COLUMNS)).splitlines()
    assert not any(f"−0.180 {BOUNDS}" in line for line in narrow)
    assert any(line.rstrip().endswith("✓") and "0.750" in line for line in narrow)


def test_a_note_stands_below_its_number():
    lines = printed(table(COLUMNS[6:7])).splitlines()
    number = next(i for i, line in enumerate(lines) if "−0.180" in line)
    assert lines[number + 1].strip() == "vs II-S round trip"


def test_a_setting_stands_under_the_name_where_room_is_short_and_is_not_broken_around_an_equals_sign():
    lines = [line.strip() for line in printed(table(COLUMNS)).splitlines()]
    place = next(i for i, line in enumerate(lines) if line.startswith("II-S"))
    assert lines[place + 1].startswith("t = 200, k = 100, ")
    assert lines[place + 2].startswith("n = 10 ")
    (roomy,) = [line for line in printed(table(COLUMNS[:3])).splitlines() if line.startswith("II-S")]
    assert "t = 200, k = 100, n = 10" in roomy


def test_brackets_are_no_markup():
    made = table(HEADS, rows=[[Row("[bold]x[/bold]", "attack", 0.5, "[red]")]])
    assert "[bold]x[/bold]" in printed(made)
    assert "vs [red]" in printed(made)


def test_markdown_has_a_line_per_row_and_escapes():
    rows = [[Row("a|b <i>", "attack", 0.5, "c\nd"), Row("blind", "blind", 0.5)], [Row("", "attack", 0.5)]]
    text = markdown_table(table(HEADS, "markdown", rows))
    lines = text.splitlines()
    assert text.endswith("|\n")
    assert lines[0] == (
        "| Attack | AUC [95 % CI] | Accuracy | TPR@10 % FPR | TPR@1 % FPR | ΔAUC [95 % CI] | Beats controls |"
    )
    assert lines[1] == "| :-- | --: | --: | --: | --: | --: | --: |"
    assert lines[2].startswith(f"| **a\\|b &lt;i>** | 0.500 {BOUNDS} | 0.612 |")
    assert f"| −0.180 {BOUNDS} vs c d | ✓ |" in lines[2]
    assert lines[3].startswith("| \u2003blind | ")
    assert lines[4].startswith("|  | ")
    assert {line.replace("\\|", "").count("|") for line in lines} == {8}


def test_a_table_holds_the_columns_of_its_place():
    columns = [*COLUMNS[2:4], Column[Row]("page", "Page", lambda row: Cell("1"), shown=PLACES - {"terminal"})]
    assert table(columns).headings == ("AUC [95 % CI]", "Accuracy")
    assert table(columns, "page").headings == ("AUC [95 % CI]", "Accuracy", "Page")


def test_csv_holds_the_values(tmp_path):
    rows = [row for block in ROWS for row in block]
    columns = {"row": [row.name for row in rows], **values_of(COLUMNS, rows, "csv")}
    write_csv({**columns, "empty": [None] * len(rows)}, tmp_path / "table.csv")
    with (tmp_path / "table.csv").open(encoding="utf-8", newline="") as file:
        lines = list(csv.DictReader(file))
    assert list(lines[0]) == ["row", "setting", "nfe", "auc", "empty"]
    assert [float(line["auc"]) for line in lines] == [row.auc for row in rows]
    assert {line["empty"] for line in lines} == {""}
