"""Runs a training of the demo's tools: checkpoints every 10 minutes into `.work/`, and goes on from the last one."""

from datetime import timedelta
from pathlib import Path

import lightning as L
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.loggers import CSVLogger

WORK = Path(".work")


def train(
    name: str,
    model: L.LightningModule,
    data: L.LightningDataModule,
    steps: int,
) -> None:
    """Train `model` for `steps` steps, or go on from its last checkpoint in the folder `name` of `.work/`."""
    folder = WORK / name
    checkpoint = ModelCheckpoint(folder, save_last=True, train_time_interval=timedelta(minutes=10), save_top_k=1)
    trainer = L.Trainer(
        accelerator="cpu",
        max_steps=steps,
        precision="bf16-mixed",
        callbacks=[checkpoint],
        logger=CSVLogger(folder, name="log"),
        log_every_n_steps=20,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    last = folder / "last.ckpt"
    trainer.fit(model, data, ckpt_path=str(last) if last.is_file() else None, weights_only=True)
    trainer.save_checkpoint(last)
