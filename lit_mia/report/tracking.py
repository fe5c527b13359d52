"""An audit in Weights & Biases: numbers, score table and ROC plot; never images."""

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from lit_mia.metrics.roc import roc_curve
from lit_mia.report.plots import family_roc_figure, roc_figure, single_roc_figure
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
    attacks = [row.name for row in report.rows if row.kind == "attack"]
    rocs = curves(scores)
    figures = {"roc": roc_figure(report, rocs, attacks), "roc_family": family_roc_figure(report, rocs)}
    images = {name: wandb.Image(figure) for name, figure in figures.items()}
    run.log({"scores": wandb.Table(columns=columns, data=lines), **images})
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


def log_scores(logger: "WandbLogger", ids: Sequence[str], rows: Sequence[tuple[int, int, float]]) -> None:
    """Log the score table and the ROC plot of one head on the test split.

    Args:
        logger: The run.
        ids: Ids of the record table; only their hashes are sent.
        rows: Row in the table, label and raw score of each record.
    """
    import wandb

    hashed = [[hashlib.sha256(ids[row].encode()).hexdigest(), label, score] for row, label, score in rows]
    curve = roc_curve([score for _, _, score in rows], [label for _, label, _ in rows])
    figure = single_roc_figure(curve)
    table = wandb.Table(columns=["id_hash", "label", "score"], data=hashed)
    logger.experiment.log({"test/scores": table, "test/roc": wandb.Image(figure)})
