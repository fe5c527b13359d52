"""The columns of an ablation: of its rows, for files, and of its summary."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import groupby
from textwrap import fill
from typing import Any

import pyarrow as pa

from lit_mia.report.ablation.rows import AblationRow, AblationSummary, Label, is_numeric, short
from lit_mia.report.columns import READ, Cell, Column, R, values_of
from lit_mia.report.tables import file_column
from lit_mia.report.words import interval, number, signed

ANY = "any"
"""For readers, the value of a control that the axis does not change."""
_OPTIONAL = {"fid_encoder": pa.string(), **dict.fromkeys(("fid_members", "fid_nonmembers"), pa.float64())}
_OPTIONAL |= dict.fromkeys(("delta", "delta_lo", "delta_hi"), pa.float64())
"""Types of the columns that may be empty, which Arrow cannot tell then."""
_HEADING = 15  # where the terminal breaks a heading, as wide as an interval


def row_columns(n_members: int, n_nonmembers: int) -> list[Column[AblationRow]]:
    """The columns of attacks and blind controls at single points: one per key, and what is known of the point.

    Args:
        n_members: Measured members.
        n_nonmembers: Measured non-members.
    """
    facts = ("n_train", "images_per_record", "nfe_per_record", "target", "fid_encoder", "fid_members", "fid_nonmembers")
    return [
        *map(file_column, ("attack", "kind")),
        Column("settings", "", lambda _: Cell(), parts=_settings),
        *map(file_column, ("auc", "auc_lo", "auc_hi")),
        file_column("n_members", lambda _: n_members),
        file_column("n_nonmembers", lambda _: n_nonmembers),
        *(file_column(name, _fact(name)) for name in facts),
    ]


def summary_columns(axis: str, baseline: Label | None) -> list[Column[AblationSummary]]:
    """The columns of attacks and blind controls at the values of the axis.

    Args:
        axis: Its key.
        baseline: What differences are taken to; None without differences.
    """
    difference = f"Δ to {baseline}"
    return [
        *map(file_column, ("attack", "kind")),
        Column("value", "", lambda _: Cell(), parts=lambda lines: [_value(axis, lines)]),
        file_column("n"),
        Column("auc", "AUC [95 % CI]", _area, lambda line: line.auc),
        *map(file_column, ("auc_lo", "auc_hi", "auc_min", "auc_max")),
        Column("range", "Range (n)", _range, shown=READ, when=lambda lines: any(line.n > 1 for line in lines)),
        Column(
            "difference",
            f"{difference} [95 % CI]",
            _difference,
            shown=READ,
            short=f"{fill(difference, _HEADING)}\n[95 % CI]",
            when=lambda _: baseline is not None,
        ),
        *map(file_column, ("delta", "delta_lo", "delta_hi")),
    ]


def arrow_table(columns: Sequence[Column[R]], rows: Sequence[R]) -> pa.Table:
    """The values of some rows, for Parquet and CSV."""
    values = values_of(columns, rows, "csv")
    return pa.table({name: pa.array(column, _OPTIONAL.get(name)) for name, column in values.items()})


def summary_blocks(summary: Sequence[AblationSummary]) -> list[list[AblationSummary]]:
    """Attack by attack, with a single line of each control that has the same numbers at every value."""
    anywhere = {line: replace(line, value=ANY) for line in summary if line.kind == "blind"}
    varied = {attack for attack, n in Counter(line.attack for line in set(anywhere.values())).items() if n > 1}
    lines = dict.fromkeys(line if line.attack in varied else anywhere.get(line, line) for line in summary)
    return [list(block) for _, block in groupby(lines, lambda line: line.attack)]


def _settings(rows: Sequence[AblationRow]) -> list[Column[AblationRow]]:
    """One column per key."""
    return [_setting(key, [row.point.settings[key] for row in rows]) for key in rows[0].point.settings]


def _setting(key: str, labels: Sequence[Label]) -> Column[AblationRow]:
    spell = _spelling(labels)
    return file_column(key, lambda row: spell(row.point.settings[key]))


def _value(axis: str, lines: Sequence[AblationSummary]) -> Column[AblationSummary]:
    spell = _spelling([line.value for line in lines])
    numeric = is_numeric([line.value for line in lines if line.value != ANY])
    return Column(
        axis, short(axis), lambda line: Cell(str(line.value)), lambda line: spell(line.value), left=not numeric
    )


def _spelling(labels: Sequence[Label]) -> Callable[[Label], Label]:
    """Numbers stay numbers, if all labels are; else all are text."""
    return (lambda label: label) if is_numeric(labels) else str


def _fact(name: str) -> Callable[[AblationRow], Any]:
    return lambda row: getattr(row.point, name)


def _area(line: AblationSummary) -> Cell:
    return Cell(number(line.auc), interval((line.auc_lo, line.auc_hi)))


def _range(line: AblationSummary) -> Cell:
    return Cell(f"{line.auc_min:.2f}–{line.auc_max:.2f} ({line.n})")


def _difference(line: AblationSummary) -> Cell:
    if line.delta is None or line.delta_lo is None or line.delta_hi is None:
        return Cell()
    return Cell(signed(line.delta), interval((line.delta_lo, line.delta_hi)))
