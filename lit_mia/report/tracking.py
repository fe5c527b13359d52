"""An audit in Weights & Biases: numbers, score table and ROC plot; never images."""

from typing import TYPE_CHECKING, Any

from lit_mia.report.plots import roc_figure
from lit_mia.report.schema import AuditReport
from lit_mia.report.scores import ScoreTable, curves

if TYPE_CHECKING:
    from lightning.pytorch.loggers import WandbLogger


def log_audit(logger: "WandbLogger", report: AuditReport, scores: ScoreTable) -> None:
    """Log a finished audit as one run and end the run.

    Args:
        logger: The run; offline if the logger says so.
        report: The numbers: config, hashes and the AUC of every row go to the run's config and summary.
        scores: Scores of single records; the combined ones of the test split become a table.
    """
    import wandb

    run = logger.experiment
    run.config.update(_settings(report), allow_val_change=True)
    for row in report.rows:
        run.summary[f"test/auc/{row.name}"] = row.auc
        if row.delta_auc is not None:
            run.summary[f"test/delta_auc/{row.name}"] = row.delta_auc
    run.summary["verdict"] = report.verdict["kind"]
    run.summary["cost/queries"] = report.cost.queries
    combined = scores.select((scores.seed == -1) & (scores.split == "test"))
    columns = ["id_hash", "label", "row", "kind", "score"]
    lines = [list(line) for line in zip(*(getattr(combined, name).tolist() for name in columns), strict=True)]
    run.log(
        {
            "scores": wandb.Table(columns=columns, data=lines),
            "roc": wandb.Image(roc_figure(report, curves(scores), [r.name for r in report.rows if r.kind == "attack"])),
        }
    )
    run.finish()


def _settings(report: AuditReport) -> dict[str, Any]:
    return {
        "audit": report.config,
        "split_digest": report.splits["digest"],
        "store_digest": report.store_digest,
        "target": report.target,
        "encoder": report.encoder,
        "design": report.design,
    }
