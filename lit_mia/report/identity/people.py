"""The columns of people and their file, written and read."""

import csv
from collections.abc import Sequence
from pathlib import Path

from lit_mia.errors import ReportError
from lit_mia.metrics.roc import Roc, roc_curve
from lit_mia.records import MEMBER, NON_MEMBER, UNKNOWN
from lit_mia.report.columns import Cell, Column, Place, Table, file_column, table_of
from lit_mia.report.formulas import plain
from lit_mia.report.identity.columns import PAGE
from lit_mia.report.identity.schema import PersonLine
from lit_mia.report.words import NOTHING, number, percent, signed

_FILE: frozenset[Place] = frozenset({"csv"})
_LISTED = PAGE | _FILE
_SHARE = "recognised@"
_LABELS = {MEMBER: "1", NON_MEMBER: "0", UNKNOWN: "unknown"}
_WORDS = {MEMBER: "trained on", NON_MEMBER: "never trained on", UNKNOWN: "unknown"}


def _called_at(threshold: int) -> Column[PersonLine]:
    """The share of the draws in which a person is called a member."""
    return Column(
        f"{_SHARE}{threshold}",
        f"Called, τ = {threshold}",
        lambda line: Cell(percent(line.recognised[threshold])),
        lambda line: line.recognised[threshold],
        shown=_LISTED,
    )


PEOPLE_COLUMNS: tuple[Column[PersonLine], ...] = (
    file_column("row"),
    Column("name", "Person", lambda line: Cell(line.name), lambda line: line.name, shown=_FILE),
    Column(
        "member",
        "Membership",
        lambda line: Cell(_WORDS[line.member]),
        lambda line: _LABELS[line.member],
        shown=_LISTED,
    ),
    Column(
        "occurrences",
        "Training pairs",
        lambda line: Cell(NOTHING if line.occurrences is None else str(line.occurrences)),
        lambda line: line.occurrences,
        shown=_LISTED,
    ),
    Column("images", "Images", lambda line: Cell(str(line.images)), lambda line: line.images, shown=_LISTED),
    Column("templates", "Templates", lambda line: Cell(number(line.templates, 1)), lambda line: line.templates),
    Column("margin", "Margin", lambda line: Cell(signed(line.margin, 2)), lambda line: line.margin),
    Column("called", "", parts=lambda lines: [_called_at(threshold) for threshold in lines[0].recognised]),
)
"""Of the page's table of people, of `people.csv`, and of what W&B gets to know, which is no name."""


def people_table(lines: Sequence[PersonLine]) -> Table:
    """The table of the page, those first whom most templates name."""
    ordered = sorted(lines, key=lambda line: (-line.templates, -line.margin, line.name))
    return table_of(
        "Person",
        PEOPLE_COLUMNS,
        [ordered],
        "page",
        name=lambda line: line.name,
        kind=lambda line: line.row,
        strong=lambda _: False,
    )


def read_people(path: Path) -> list[PersonLine]:
    """Read `people.csv`.

    Raises:
        ReportError: If the file is missing or is not such a table.
    """
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return [_line(cells) for cells in csv.DictReader(file, strict=True)]
    except (OSError, KeyError, ValueError, csv.Error) as error:
        raise ReportError(f"{path} is no table of people ({error!r}). Run the audit again.") from error


def people_curves(lines: Sequence[PersonLine]) -> dict[str, Roc]:
    """The exact ROC curve of the soft score by row, where there are members and non-members."""
    known = {
        row: [line for line in lines if line.row == row and line.member != UNKNOWN]
        for row in dict.fromkeys(line.row for line in lines)
    }
    return {
        row: roc_curve([line.margin for line in people], [line.member for line in people])
        for row, people in known.items()
        if {line.member for line in people} == {MEMBER, NON_MEMBER}
    }


def _line(cells: dict[str, str]) -> PersonLine:
    labels = {text: label for label, text in _LABELS.items()}
    return PersonLine(
        row=plain(cells["row"]),
        name=plain(cells["name"]),
        member=labels[cells["member"]],
        occurrences=int(cells["occurrences"]) if cells["occurrences"] else None,
        images=int(cells["images"]),
        templates=float(cells["templates"]),
        margin=float(cells["margin"]),
        recognised={int(k.removeprefix(_SHARE)): float(v) for k, v in cells.items() if k.startswith(_SHARE)},
    )
