"""The columns of an identity audit: of target and controls at each threshold, of the halves of a swap, of people."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lit_mia.errors import ReportError
from lit_mia.metrics.identity import Rate
from lit_mia.metrics.roc import Roc, roc_curve
from lit_mia.records import MEMBER, NON_MEMBER, UNKNOWN
from lit_mia.report.columns import Cell, Column, Place, Table, file_column, table_of
from lit_mia.report.identity.schema import AtThreshold, Half, IdentityRow, PersonLine
from lit_mia.report.words import NOTHING, interval, number, percent, signed

_PAGE: frozenset[Place] = frozenset({"page"})
_WIDE: frozenset[Place] = frozenset({"page", "markdown"})
_NARROW: frozenset[Place] = frozenset({"terminal"})
_FILE: frozenset[Place] = frozenset({"csv"})
_LISTED = _PAGE | _FILE
_SHARE = "recognised@"
_LABELS = {MEMBER: "1", NON_MEMBER: "0", UNKNOWN: "unknown"}
_WORDS = {MEMBER: "trained on", NON_MEMBER: "never trained on", UNKNOWN: "unknown"}


@dataclass(frozen=True)
class _Line:
    """One row at one of its thresholds; numbers of the whole row stand at the first."""

    row: IdentityRow
    point: AtThreshold
    is_first: bool


def _rate(rate: Rate | None) -> Cell:
    """`84.0 [76.0, 91.0]`, in percent; None → a dash."""
    if rate is None:
        return Cell(NOTHING)
    return Cell(f"{100 * rate.value:.1f}", interval([100 * end for end in rate.ci], 1))


def _complement(rate: Rate | None) -> Cell:
    return Cell(NOTHING if rate is None else f"{100 - 100 * rate.value:.1f}")


def _area(line: _Line) -> Cell:
    return Cell(number(line.row.auc), interval(line.row.auc_ci)) if line.is_first else Cell()


def _mark(passes: bool | None) -> Cell:
    return Cell({None: "", True: "✓", False: "✗"}[passes], good=passes is True)


COLUMNS: tuple[Column[_Line], ...] = (
    Column("threshold", "τ", lambda line: Cell(str(line.point.threshold))),
    Column("tpr", "TPR % [95 % CI]", lambda line: _rate(line.point.tpr)),
    Column("fnr", "FNR %", lambda line: _complement(line.point.tpr), shown=_PAGE),
    Column("fpr", "FPR % [95 % CI]", lambda line: _rate(line.point.fpr)),
    Column("tnr", "TNR %", lambda line: _complement(line.point.fpr), shown=_PAGE),
    Column("bound", "Bound ⌊P/τ⌋/M", lambda line: Cell(percent(line.point.bound)), short="Bound"),
    Column("expected", "E[D]/M", lambda line: Cell(percent(line.point.expected))),
    Column("auc", "AUC [95 % CI]", _area, shown=_WIDE),
    Column("auc", "AUC", lambda line: Cell(_area(line).text), shown=_NARROW),
    Column("passes", "Passes", lambda line: _mark(line.row.passes if line.is_first else None), short="Pass"),
)

HALF_COLUMNS: tuple[Column[Half], ...] = (
    Column("people", "Number", lambda half: Cell(str(half.tpr.people))),
    Column("tpr", "TPR % where trained on", lambda half: _rate(half.tpr)),
    Column("fpr", "FPR % where not", lambda half: _rate(half.fpr)),
    Column("difference", "Paired difference, %", lambda half: _rate(half.difference)),
    Column("passes", "Passes", lambda half: _mark(half.passes)),
)


def identity_table(rows: Sequence[IdentityRow], place: Place) -> Table:
    """The target and its controls, at each threshold."""
    return table_of(
        "Model",
        COLUMNS,
        [[_Line(row, point, point is row.points[0]) for point in row.points] for row in rows],
        place,
        name=lambda line: line.row.name if line.is_first else "",
        kind=lambda line: line.row.kind,
        strong=lambda line: line.row.kind == "target",
    )


def halves_table(halves: Sequence[Half]) -> Table:
    """The same people before a model that was trained on them and one that was not."""
    return table_of(
        "People",
        HALF_COLUMNS,
        [halves],
        "page",
        name=lambda half: half.name,
        kind=lambda _: "target",
        strong=lambda _: True,
    )


# ---------------------------------------------------------------------- people


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
        row=cells["row"],
        name=cells["name"],
        member=labels[cells["member"]],
        occurrences=int(cells["occurrences"]) if cells["occurrences"] else None,
        images=int(cells["images"]),
        templates=float(cells["templates"]),
        margin=float(cells["margin"]),
        recognised={int(k.removeprefix(_SHARE)): float(v) for k, v in cells.items() if k.startswith(_SHARE)},
    )
