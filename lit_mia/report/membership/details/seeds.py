"""The AUC of every single head, beside that of the mean over the seeds, which counts."""

from collections.abc import Sequence
from functools import partial

from lit_mia.report.columns import Cell, Column, Place, Table, table_of
from lit_mia.report.membership.notes import blocks
from lit_mia.report.membership.schema import AuditReport, Row
from lit_mia.report.words import number


def seed_table(report: AuditReport, place: Place) -> Table | None:
    """A line for each attack and control, a column for each seed; None where nothing was trained more than once.

    Args:
        report: The numbers.
        place: Where it will stand.
    """
    if max(_seeds(row) for row in report.rows) < 2:
        return None
    return table_of(
        "Attack",
        _COLUMNS,
        blocks(report),
        place,
        name=lambda row: row.name,
        kind=lambda row: row.kind,
        strong=lambda row: row.kind == "attack",
    )


def _seeds(row: Row) -> int:
    return len(row["auc_per_seed"])


def _of_seed(row: Row, seed: int) -> Cell:
    return Cell(number(row["auc_per_seed"][seed]) if seed < _seeds(row) else "")


def _by_seed(rows: Sequence[Row]) -> list[Column[Row]]:
    most = max(map(_seeds, rows))
    return [Column(f"seed_{seed}", f"Seed {seed}", partial(_of_seed, seed=seed)) for seed in range(most)]


_COLUMNS: tuple[Column[Row], ...] = (
    Column("auc", "AUC of the mean score", lambda row: Cell(number(row["auc"]))),
    Column("seeds", "", parts=_by_seed),
    Column(
        "range",
        "Range of the seeds",
        lambda row: Cell(number(max(row["auc_per_seed"]) - min(row["auc_per_seed"])) if _seeds(row) > 1 else ""),
    ),
)
