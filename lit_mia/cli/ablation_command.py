"""The command `sweep` over an audit: trained heads at many points of its config, never on test."""

import copy
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from jsonargparse import ArgumentError, ArgumentParser
from lightning.pytorch.loggers import WandbLogger

from lit_mia.audit import Audit
from lit_mia.audit.ablation import Ablation, Point
from lit_mia.audit.plan import AblationPlan, files_from, label, value_at, with_values
from lit_mia.cli.commands import Parsed, parse_audit, parse_config, print_estimates
from lit_mia.cli.configs import find_config
from lit_mia.errors import PlanError
from lit_mia.files import replacing
from lit_mia.report.ablation import AblationReport
from lit_mia.report.provenance import git_commit, versions

NAMES = {
    "rows": "ablation.parquet",
    "rows as text": "ablation.csv",
    "summary": "summary.csv",
    "plot": "ablation.png",
    "provenance": "ablation.json",
}


def ablation(args: Sequence[str]) -> AblationReport | None:
    """Run an ablation: point by point, then tables, plot and numbers."""
    parsed = parse_config("sweep", args, AblationPlan, "ablation/steps", _add_logger)
    audit, made = make_ablation(parsed.made, Path(str(parsed.options.config[-1])).parent)
    if parsed.options.dry_run:
        print_estimates(made.estimate())
        return None
    from rich.console import Console

    from lit_mia.report.ablation_table import terminal_table

    report = made.run()
    _write(report, parsed, audit)
    if parsed.options.logger:
        from lit_mia.report.ablation_tracking import log_ablation

        log_ablation(parsed.options.logger, parsed.name, report)
    Console().print(terminal_table(report))
    print(f"\nThis run: {report.cost.queries} queries, {report.cost.nfe} denoiser evaluations")
    for what, name in NAMES.items():
        print(f"{what[0].upper()}{what[1:]}: {parsed.output / name}")
    return report


def make_ablation(plan: AblationPlan, folder: Path) -> tuple[dict[str, Any], Ablation]:
    """The config of the audit that is varied, without placebo, and the ablation.

    Args:
        plan: What is varied.
        folder: What relative paths of the plan start from.

    Raises:
        ConfigError: If the audit's config does not exist.
        PlanError: If a point cannot be made.
    """
    beside = folder / plan.audit
    parsed = parse_audit("sweep", ["--config", str(beside) if beside.is_file() else find_config(plan.audit)])
    names = [attack.name for attack in parsed.made.attacks]
    wanted = names if plan.attacks is None else plan.attacks
    if not wanted or not set(wanted) <= set(names):
        raise PlanError(f"`attacks` must be some of the audit's ({', '.join(names)}), but got {wanted}.")
    blocks = [block for block, name in zip(parsed.config["attacks"], names, strict=True) if name in wanted]
    config = {**parsed.config, "placebo": None, "attacks": blocks}
    baseline = None if plan.baseline is None else label(plan.baseline)
    points = _points(plan, config, folder)
    made = Ablation(_maker(config)(), points, plan.axis, plan.steps, baseline, plan.baseline_attack, plan.fid)
    return config, made


def _points(plan: AblationPlan, config: dict[str, Any], folder: Path) -> list[Point]:
    """The points of a plan; a key that only other grids name has the audit's value, which is a label all the same."""
    keys = sorted({key for grid in plan.points for key in grid})
    points = []
    for values in plan.grid():
        own = with_values(config, {key: files_from(value, folder) for key, value in values.items()})
        settings = {key: label(values[key] if key in values else value_at(own, key)) for key in keys}
        points.append(Point(settings, _maker(own)))
    distinct = {tuple(point.settings.items()) for point in points}
    if len(distinct) < len(points):
        raise PlanError(f"`points` holds {len(points)} points, but only {len(distinct)} differ. Name each once.")
    return points


def _maker(config: dict[str, Any]) -> Callable[[], Audit]:
    """Makes the audit of a config, which is read at once and understood or refused.

    Raises:
        PlanError: If a value or a place is not one that the audit's parts accept.
    """
    parser = ArgumentParser(exit_on_error=False)
    parser.add_class_arguments(Audit, sub_configs=True)
    try:
        given = parser.parse_object(copy.deepcopy(config))  # it changes what it is given
    except ArgumentError as error:
        raise PlanError(f"A point of the ablation is no audit. {error}") from error
    return partial(_instantiate, parser, given)


def _instantiate(parser: ArgumentParser, given: Any) -> Audit:
    return Audit(**vars(parser.instantiate(given)))


def _add_logger(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--logger",
        type=Callable[[str], WandbLogger] | None,
        help="A W&B logger; each point becomes a run, in a group named after the ablation.",
    )


def _write(report: AblationReport, parsed: Parsed[AblationPlan], audit: dict[str, Any]) -> None:
    from pyarrow import csv, parquet

    from lit_mia.report.ablation_plot import write_ablation_plot
    from lit_mia.report.ablation_table import rows_table, summary_table

    rows, summary = rows_table(report), summary_table(report)
    content = {
        "name": parsed.name,
        **{key: value for key, value in asdict(report).items() if key not in ("rows", "summary")},
        "config": parsed.config,
        "audit": audit,
        "versions": versions(),
        "git": git_commit(),
    }
    writers: dict[str, Callable[[Path], object]] = {
        NAMES["rows"]: partial(parquet.write_table, rows),
        NAMES["rows as text"]: partial(csv.write_csv, rows),
        NAMES["summary"]: partial(csv.write_csv, summary),
        NAMES["plot"]: partial(write_ablation_plot, report),
        NAMES["provenance"]: lambda path: path.write_text(json.dumps(content, indent=1, allow_nan=False)),
    }
    for name, write in writers.items():
        with replacing(parsed.output / name) as path:
            write(path)
