"""Sends the hashes of a run's data, and the scores of its test split, to its loggers."""

from typing import Any

import lightning as L
from lightning.pytorch.loggers import WandbLogger


class TrackScores(L.Callback):
    """Logs split and store hashes with the hyper-parameters, and a score table and ROC plot of test to W&B."""

    def __init__(self) -> None:
        self._parts: list[dict[str, Any]] = []

    def on_fit_start(self, trainer: Any, pl_module: L.LightningModule) -> None:
        """Log what the head is trained on."""
        self._log_hashes(trainer)

    def on_test_start(self, trainer: Any, pl_module: L.LightningModule) -> None:
        """Log what the head is tested on."""
        self._parts.clear()
        self._log_hashes(trainer)

    def on_test_batch_end(self, trainer: Any, pl_module: Any, outputs: Any, *_: Any) -> None:
        """Keep the scores of one batch."""
        self._parts.append({name: values.tolist() for name, values in outputs.items()})

    def on_test_end(self, trainer: Any, pl_module: Any) -> None:
        """Log table and plot; under DDP those of rank 0."""
        rows = [row for part in self._parts for row in zip(part["row"], part["member"], part["score"], strict=True)]
        for logger in trainer.loggers:
            if isinstance(logger, WandbLogger) and trainer.is_global_zero:
                from lit_mia.report.tracking import log_scores

                log_scores(logger, trainer.datamodule.table.ids, rows)

    def _log_hashes(self, trainer: Any) -> None:
        hashes = trainer.datamodule.hashes()
        for logger in trainer.loggers:
            logger.log_hyperparams(hashes)
