"""The columns of a sweep."""

from collections.abc import Sequence
from itertools import groupby

from lit_mia.attacks.statistics.base import describe
from lit_mia.report.columns import READ, Cell, Column, Place, Table, table_of
from lit_mia.report.sweep.rows import SweepRow
from lit_mia.report.tables import file_column
from lit_mia.report.words import count, interval, number


def _arguments(rows: Sequence[SweepRow]) -> list[Column[SweepRow]]:
    """One column per swept argument; empty where an attack has no such argument."""
    return [_argument(name) for name in dict.fromkeys(name for row in rows for name in row.setting)]


def _argument(name: str) -> Column[SweepRow]:
    return file_column(name, lambda row: row.setting.get(name))


def _area(row: SweepRow) -> Cell:
    return Cell(number(row.auc), interval((row.auc_lo, row.auc_hi)))


COLUMNS: tuple[Column[SweepRow], ...] = (
    file_column("attack"),
    Column("setting", "Setting", lambda row: Cell(describe(row.setting)), shown=READ, left=True),
    Column("arguments", "", lambda _: Cell(), parts=_arguments),
    Column("auc", "AUC [95 % CI]", _area, lambda row: row.auc),
    file_column("auc_lo"),
    file_column("auc_hi"),
    file_column("n_members"),
    file_column("n_nonmembers"),
    Column("nfe_alone", "NFE alone", lambda row: Cell(count(row.evaluations)), lambda row: row.evaluations),
)


def sweep_table(rows: Sequence[SweepRow], place: Place) -> Table:
    """All settings, attack by attack."""
    blocks = [list(block) for _, block in groupby(rows, lambda row: row.attack)]
    return table_of(
        "Attack", COLUMNS, blocks, place, name=lambda row: row.attack, kind=lambda _: "attack", strong=lambda _: True
    )
