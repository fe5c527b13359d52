"""A membership audit in Weights & Biases: numbers, score table and ROC plots; never images."""

from typing import TYPE_CHECKING, Any

from lit_mia.report.columns import values_of
from lit_mia.report.membership.columns import COLUMNS
from lit_mia.report.membership.content import Content
from lit_mia.report.membership.figures import family_roc_figure, roc_figure
from lit_mia.report.membership.schema import AuditReport
from lit_mia.report.membership.scores import COMBINED

if TYPE_CHECKING:
    from lightning.pytorch.loggers import WandbLogger


def log_membership(logger: "WandbLogger", result: Content) -> None:
    """Log a finished audit as one run and end the run.

    Args:
        logger: The run; offline if the logger says so.
        result: Config and hashes go to the run's config, every column of every row to its summary, the combined scores
            of the test split to a table.
    """
    import wandb

    run, report, scores = logger.experiment, result.report, result.scores
    run.config.update(_settings(report), allow_val_change=True)
    columns = values_of(COLUMNS, report.rows, "wandb")
    for name, values in columns.items():
        for row, value in zip(report.rows, values, strict=True):
            if value is not None:
                run.summary[f"test/{name}/{row.name}"] = value
    run.summary["verdict"] = report.verdict["kind"]
    run.summary["cost/queries"] = report.cost.queries
    rows = wandb.Table(
        columns=["row", *columns],
        data=[list(line) for line in zip([row.name for row in report.rows], *columns.values(), strict=True)],
    )
    combined = scores.select((scores.seed == COMBINED) & (scores.split == "test"))
    names = ["id_hash", "label", "row", "kind", "score"]
    lines = [list(line) for line in zip(*(getattr(combined, name).tolist() for name in names), strict=True)]
    rocs = result.curves()
    figures = {
        "roc": roc_figure(report, rocs, [row.name for row in result.attacks]),
        "roc_family": family_roc_figure(report, rocs),
    }
    images = {name: wandb.Image(figure) for name, figure in figures.items()}
    run.log({"rows": rows, "scores": wandb.Table(columns=names, data=lines), **images})
    run.finish()


def _settings(report: AuditReport) -> dict[str, Any]:
    return {
        "audit": report.config,
        "split_digest": report.splits["digest"],
        "store_digest": report.store_digest,
        "target": report.target,
        "encoder": report.encoder,
        "captioner": report.captioner,
        "design": report.design,
        "protocol": report.protocol,
    }
