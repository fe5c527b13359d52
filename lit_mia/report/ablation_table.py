"""An ablation as tables: tidy ones for files, and one for the terminal."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from lit_mia.report.ablation import AblationReport, AblationSummary, Label, is_numeric, short
from lit_mia.report.cells import interval, number, signed

if TYPE_CHECKING:
    from rich.table import Table


AREA = "AUC [95 % CI]"
ANY = "any"
"""In the terminal, the value of a control that the axis does not change."""


def rows_table(report: AblationReport) -> pa.Table:
    """One line per attack or blind control and point, one column per key."""
    rows = report.rows
    columns: dict[str, Any] = {"attack": [row.attack for row in rows], "kind": [row.kind for row in rows]}
    columns |= {key: _column([row.point.settings[key] for row in rows]) for key in rows[0].point.settings}
    columns |= {name: [getattr(row, name) for row in rows] for name in ("auc", "auc_lo", "auc_hi")}
    columns["n_members"], columns["n_nonmembers"] = [report.n_members] * len(rows), [report.n_nonmembers] * len(rows)
    columns |= {
        name: [getattr(row.point, name) for row in rows]
        for name in ("n_train", "images_per_record", "nfe_per_record", "target")
    }
    fids = {name: [getattr(row.point, name) for row in rows] for name in ("fid_members", "fid_nonmembers")}
    columns["fid_encoder"] = pa.array([row.point.fid_encoder for row in rows], pa.string())
    return pa.table(columns | {name: pa.array(values, pa.float64()) for name, values in fids.items()})


def summary_table(report: AblationReport) -> pa.Table:
    """One line per attack or blind control and value of the axis."""
    lines = report.summary
    columns: dict[str, Any] = {"attack": [line.attack for line in lines], "kind": [line.kind for line in lines]}
    columns[report.axis] = _column([line.value for line in lines])
    columns |= {name: [getattr(line, name) for line in lines] for name in ("n", "auc", "auc_lo", "auc_hi")}
    columns |= {
        name: pa.array([getattr(line, name) for line in lines], pa.float64())
        for name in ("auc_min", "auc_max", "delta", "delta_lo", "delta_hi")
    }
    return pa.table(columns)


def terminal_table(report: AblationReport) -> "Table":
    """The summary, without columns that would be empty; a control that the axis does not change is one line."""
    from rich import box
    from rich.table import Table

    title = f"{' + '.join(report.splits)}: {report.n_members} members, {report.n_nonmembers} non-members"
    lines = _without_copies(report.summary)
    columns = _columns(report, lines)
    table = Table(title=title, box=box.SIMPLE_HEAD, show_edge=False, title_justify="left")
    table.add_column("Attack", no_wrap=True)
    for header in columns:
        table.add_column(header, justify="right", overflow="fold", no_wrap=header == AREA)
    for previous, line in zip((None, *lines), lines, strict=False):
        if previous is not None and (previous.attack, previous.kind) != (line.attack, line.kind):
            table.add_section()
        table.add_row(line_name(line.attack, line.kind), *(cells[line] for cells in columns.values()))
    return table


def line_name(attack: str, kind: str) -> str:
    """`II-S`, or `II-S blind`."""
    return attack if kind == "attack" else f"{attack} {kind}"


def _without_copies(lines: Sequence[AblationSummary]) -> list[AblationSummary]:
    """The lines, with a single one of each control that has the same numbers at every value."""
    anywhere = {line: replace(line, value=ANY) for line in lines if line.kind == "blind"}
    varied = {attack for attack, n in Counter(line.attack for line in set(anywhere.values())).items() if n > 1}
    return list(dict.fromkeys(line if line.attack in varied else anywhere.get(line, line) for line in lines))


def _columns(report: AblationReport, lines: Sequence[AblationSummary]) -> dict[str, dict[AblationSummary, str]]:
    """Header → text of each line."""
    columns = {short(report.axis): {line: str(line.value) for line in lines}}
    columns[AREA] = {line: f"{number(line.auc)} {interval((line.auc_lo, line.auc_hi))}" for line in lines}
    if any(line.n > 1 for line in lines):
        columns["Range (n)"] = {line: f"{line.auc_min:.2f}–{line.auc_max:.2f} ({line.n})" for line in lines}
    if report.baseline is not None:
        columns[f"Δ to {report.baseline} [95 % CI]"] = {line: _difference(line) for line in lines}
    return columns


def _difference(line: AblationSummary) -> str:
    if line.delta is None or line.delta_lo is None or line.delta_hi is None:
        return ""
    return f"{signed(line.delta)} {interval((line.delta_lo, line.delta_hi))}"


def _column(labels: Sequence[Label]) -> list[Any]:
    """Numbers, if all labels are; else text."""
    return list(labels) if is_numeric(labels) else [str(label) for label in labels]
