"""The columns of an identity audit: of target and controls at each threshold, and of the halves of a swap."""

from collections.abc import Sequence
from dataclasses import dataclass

from lit_mia.metrics.identity import Rate
from lit_mia.report.columns import Cell, Column, Place, Table, table_of
from lit_mia.report.identity.schema import AtThreshold, Half, IdentityRow
from lit_mia.report.words import NOTHING, bounds, interval, number, percent

PAGE: frozenset[Place] = frozenset({"page"})

_WIDE: frozenset[Place] = frozenset({"page", "markdown"})

_NARROW: frozenset[Place] = frozenset({"terminal"})


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
    if not line.is_first or line.row.auc is None:
        return Cell(NOTHING if line.is_first else "")
    return Cell(number(line.row.auc), bounds(line.row.auc_ci))


def _mark(passes: bool | None) -> Cell:
    return Cell({None: "", True: "✓", False: "✗"}[passes], good=passes is True)


COLUMNS: tuple[Column[_Line], ...] = (
    Column("threshold", "τ", lambda line: Cell(str(line.point.threshold))),
    Column("tpr", "TPR % [95 % CI]", lambda line: _rate(line.point.tpr)),
    Column("fnr", "FNR %", lambda line: _complement(line.point.tpr), shown=PAGE),
    Column("fpr", "FPR % [95 % CI]", lambda line: _rate(line.point.fpr)),
    Column("tnr", "TNR %", lambda line: _complement(line.point.fpr), shown=PAGE),
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
