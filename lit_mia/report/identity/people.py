"""What was read about single people: the tidy table `people.csv`, and the curves `roc.csv`."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lit_mia.errors import ReportError
from lit_mia.metrics.roc import Roc, roc_curve
from lit_mia.records import MEMBER, NON_MEMBER, UNKNOWN
from lit_mia.report.columns import Cell, Column, Place, Table, table_of
from lit_mia.report.tables import file_column
from lit_mia.report.words import NOTHING, number, percent, signed

_SHARE = "recognised@"
_LABELS = {MEMBER: "1", NON_MEMBER: "0", UNKNOWN: "unknown"}
_WORDS = {MEMBER: "trained on", NON_MEMBER: "never trained on", UNKNOWN: "unknown"}
_LISTED: frozenset[Place] = frozenset({"page", "csv"})


@dataclass(frozen=True)
class PersonLine:
    """One person before one model, at the largest number of images.

    Attributes:
        row: Name of the row of the report.
        name: The person's.
        member: 1, 0 or -1 (unknown), of this model.
        occurrences: Training pairs of this model that show the person; None if unknown.
        images: Readable images at hand.
        templates: Templates that recognise the person, mean over the draws.
        margin: Soft score, mean over the draws.
        recognised: Threshold τ → share of the draws in which the person is called a member.
    """

    row: str
    name: str
    member: int
    occurrences: int | None
    images: int
    templates: float
    margin: float
    recognised: dict[int, float]


def _called(lines: Sequence[PersonLine]) -> list[Column[PersonLine]]:
    """One column per threshold: the share of the draws in which the person is called a member."""
    return [_called_at(threshold) for threshold in lines[0].recognised]


def _called_at(threshold: int) -> Column[PersonLine]:
    return Column(
        f"{_SHARE}{threshold}",
        f"Called, τ = {threshold}",
        lambda line: Cell(percent(line.recognised[threshold])),
        lambda line: line.recognised[threshold],
        shown=_LISTED,
    )


COLUMNS: tuple[Column[PersonLine], ...] = (
    file_column("row"),
    Column("name", "Person", lambda line: Cell(line.name), lambda line: line.name, shown=frozenset({"csv"})),
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
    Column("called", "", lambda _: Cell(), parts=_called),
)
"""Of the page's table of people, of `people.csv`, and of what W&B gets to know, which is no name."""


def people_table(lines: Sequence[PersonLine]) -> Table:
    """The table of the page, those first whom most templates name."""
    ordered = sorted(lines, key=lambda line: (-line.templates, -line.margin, line.name))
    return table_of(
        "Person",
        COLUMNS,
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
    curves = {}
    for row in dict.fromkeys(line.row for line in lines):
        known = [line for line in lines if line.row == row and line.member != UNKNOWN]
        if {line.member for line in known} == {MEMBER, NON_MEMBER}:
            curves[row] = roc_curve([line.margin for line in known], [line.member for line in known])
    return curves


def write_people_roc(lines: Sequence[PersonLine], path: Path) -> None:
    """Write the curves as CSV: row, fpr, tpr, threshold (`inf` at the first point of each curve)."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["row", "fpr", "tpr", "threshold"])
        for name, roc in people_curves(lines).items():
            points = zip(roc.fpr.tolist(), roc.tpr.tolist(), roc.thresholds.tolist(), strict=True)
            writer.writerows((name, *point) for point in points)


def _line(cells: dict[str, str]) -> PersonLine:
    labels = {text: label for label, text in _LABELS.items()}
    return PersonLine(
        row=cells["row"],
        name=cells["name"],
        member=labels[cells["member"]],
        occurrences=int(cells["occurrences"]) if cells["occurrences"] else None,
        images=int(cells["images"]),
        templates=float(cells["templates"]),
        margin=float(cells["margin"]),
        recognised={int(k.removeprefix(_SHARE)): float(v) for k, v in cells.items() if k.startswith(_SHARE)},
    )
