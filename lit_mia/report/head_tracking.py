"""A trained head in Weights & Biases: scores and ROC plot of the test split; never images."""

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

from lit_mia.metrics.roc import roc_curve
from lit_mia.report.membership.figures import single_roc_figure

if TYPE_CHECKING:
    from lightning.pytorch.loggers import WandbLogger


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
