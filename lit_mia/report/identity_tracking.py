"""An identity audit in Weights & Biases: numbers and plots; neither names nor images."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from lit_mia.report.identity_plots import heat_figure, identity_roc_figure
from lit_mia.report.identity_schema import IdentityReport
from lit_mia.report.people import PersonLine, people_curves

if TYPE_CHECKING:
    from lightning.pytorch.loggers import WandbLogger


def log_identity(logger: "WandbLogger", report: IdentityReport, lines: Sequence[PersonLine]) -> None:
    """Log a finished audit as one run and end the run.

    Args:
        logger: The run; offline if the logger says so.
        report: The numbers: config and digests go to the run's config, rates to its summary.
        lines: What was read about single people; a number in the order of the lines stands for the name.
    """
    import wandb

    run = logger.experiment
    digests = {"pool_digest": report.pool_digest, "people_digest": report.people_digest}
    run.config.update({"audit": report.config, "design": report.design, **digests}, allow_val_change=True)
    for row in report.rows:
        for point in row.points:
            for name, rate in (("tpr", point.tpr), ("fpr", point.fpr)):
                if rate is not None:
                    run.summary[f"test/{name}@{point.threshold}/{row.name}"] = rate.value
    run.summary["verdict"] = report.verdict["kind"]
    columns = ["person", "label", "row", "templates", "margin"]
    numbers = {name: number for number, name in enumerate(dict.fromkeys(line.name for line in lines))}
    data = [[numbers[line.name], line.member, line.row, line.templates, line.margin] for line in lines]
    images = {"roc": wandb.Image(identity_roc_figure(report, people_curves(lines)))}
    if report.grid:
        images["heat"] = wandb.Image(heat_figure(report))
    run.log({"people": wandb.Table(columns=columns, data=data), **images})
    run.finish()
