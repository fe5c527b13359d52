"""An ablation in Weights & Biases: a group of runs, one for each point."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from lit_mia.report.ablation import AblationReport, AblationRow
from lit_mia.report.ablation_table import line_name

if TYPE_CHECKING:
    from lightning.pytorch.loggers import WandbLogger


def log_ablation(logger: "Callable[..., WandbLogger]", name: str, report: AblationReport) -> None:
    """Log each point as a run of its own, in one group.

    Args:
        logger: Makes the logger of a run from its name and its group; offline if its settings say so.
        name: Name of the ablation, which is the group's.
        report: The numbers; settings go to the config of a run, the AUC of every head to its summary.
    """
    points: dict[str, list[AblationRow]] = {}
    for row in report.rows:
        points.setdefault(", ".join(map(str, row.point.settings.values())), []).append(row)
    for settings, rows in points.items():
        run = logger(f"{name} {settings}", group=name).experiment
        run.config.update(_config(report, rows[0]), allow_val_change=True)
        for row in rows:
            run.summary[f"{'+'.join(report.splits)}/auc/{line_name(row.attack, row.kind)}"] = row.auc
        run.finish()


def _config(report: AblationReport, row: AblationRow) -> dict[str, Any]:
    return {
        "point": row.point.settings,
        "axis": report.axis,
        "n_train": row.point.n_train,
        "nfe_per_record": row.point.nfe_per_record,
        "target": row.point.target,
        "split_digest": report.split_digest,
        "store_digest": report.stores[row.point.target],
    }
