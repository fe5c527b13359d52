"""The command `sweep`: training-free attacks at many settings, never on test; of an audit, see `ablation_command`."""

import csv
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lit_mia.attacks.statistics.base import describe
from lit_mia.audit.sweep import Sweep
from lit_mia.cli.ablation_command import ablation
from lit_mia.cli.commands import parse_config, print_estimates
from lit_mia.cli.configs import names_key
from lit_mia.files import replacing
from lit_mia.report.ablation import AblationReport
from lit_mia.report.cells import interval, number
from lit_mia.report.provenance import git_commit, versions
from lit_mia.report.sweep import SweepReport

if TYPE_CHECKING:
    from rich.table import Table

TABLE, NUMBERS, PLOT = "sweep.csv", "sweep.json", "sweep.png"


def sweep(args: Sequence[str]) -> SweepReport | AblationReport | None:
    """Run a sweep: of an audit's trained heads if the config names an `audit`, else of training-free attacks."""
    return ablation(args) if names_key(args, "audit") else _sweep(args)


def _sweep(args: Sequence[str]) -> SweepReport | None:
    """One pass over the records, then table, numbers and plot."""
    parsed = parse_config("sweep", args, Sweep, "ablation/t_sweep")
    if parsed.options.dry_run:
        print_estimates(parsed.made.estimate())
        return None
    from rich.console import Console

    from lit_mia.report.sweep_plot import write_sweep_plot

    report = parsed.made.run()
    with replacing(parsed.output / TABLE) as path:
        _write_csv(report, path)
    with replacing(parsed.output / NUMBERS) as path:
        path.write_text(json.dumps(_content(report, parsed.name, parsed.config), indent=1, allow_nan=False))
    with replacing(parsed.output / PLOT) as path:
        write_sweep_plot(report, path)
    Console().print(_table(report))
    cost = report.cost
    print(f"\nThis pass: {cost.nfe} denoiser evaluations for all settings together, {cost.seconds:.0f} s")
    print(f"Table:   {parsed.output / TABLE}\nNumbers: {parsed.output / NUMBERS}\nPlot:    {parsed.output / PLOT}")
    return report


def _table(report: SweepReport) -> "Table":
    from rich import box
    from rich.table import Table

    row = report.rows[0]
    title = f"{' + '.join(report.splits)}: {row.n_members} members, {row.n_nonmembers} non-members"
    table = Table("Attack", "Setting", title=title, box=box.SIMPLE_HEAD, show_edge=False, title_justify="left")
    table.add_column("AUC [95 % CI]", justify="right", no_wrap=True)
    table.add_column("NFE alone", justify="right")
    for previous, row in zip((None, *report.rows), report.rows, strict=False):
        if previous is not None and previous.attack != row.attack:
            table.add_section()
        area = f"{number(row.auc)} {interval((row.auc_lo, row.auc_hi))}"
        table.add_row(row.attack, describe(row.setting), area, str(row.evaluations))
    return table


def _write_csv(report: SweepReport, path: Path) -> None:
    """One line per setting, one column per swept argument; empty where an attack has no such argument."""
    names = list(dict.fromkeys(name for row in report.rows for name in row.setting))
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["attack", *names, "auc", "auc_lo", "auc_hi", "n_members", "n_nonmembers", "nfe_alone"])
        for row in report.rows:
            values = [row.setting.get(name, "") for name in names]
            counts = [row.n_members, row.n_nonmembers, row.evaluations]
            writer.writerow([row.attack, *values, row.auc, row.auc_lo, row.auc_hi, *counts])


def _content(report: SweepReport, name: str, config: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, **asdict(report), "config": config, "versions": versions(), "git": git_commit()}
