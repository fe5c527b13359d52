"""Keeps what a training of a target makes: checkpoints to go on from, snapshots to audit, and the finished target."""

import json
import shutil
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, final

import lightning as L

from lit_mia.errors import TrainingError
from lit_mia.files import write_whole
from lit_mia.models import versions
from lit_mia.models.files import saved_by_torch
from lit_mia.ranges import at_least, check

LOSSES_EVERY = 50
"""Steps whose mean loss is written down."""
SNAPSHOTS = "snapshots"


@final
class KeepTarget(L.Callback):
    """Writes checkpoints, snapshots and the finished target below `trainer.default_root_dir`.

    `last.ckpt` is what the same command goes on from, `snapshots/step-00100` and `target` are folders as the library of
    the target writes them, each with a `membership.json`: who was trained on, who was held out, and how. A training
    that is stopped before its `max_steps`, as by `max_time` or EarlyStopping, leaves a snapshot and no target.

    Args:
        every_n_steps: Optimiser steps between snapshots; null: none.
        checkpoint_minutes: Minutes between checkpoints.
    """

    def __init__(self, every_n_steps: int | None = None, checkpoint_minutes: float = 10.0) -> None:
        minutes = at_least(0)(checkpoint_minutes=checkpoint_minutes)
        check(TrainingError, at_least(1)(every_n_steps=every_n_steps), minutes)
        self.every_n_steps, self.checkpoint_minutes = every_n_steps, checkpoint_minutes
        self._saved = 0.0
        self._step = 0

    def setup(self, trainer: L.Trainer, pl_module: L.LightningModule, stage: str) -> None:
        """Refuse a training whose end, or whose place, is not known.

        Raises:
            TrainingError: If `max_steps` or `default_root_dir` is not given.
        """
        if trainer.max_steps < 1:
            raise TrainingError("The length of the training is not known. Give `trainer.max_steps`.")
        if Path(str(trainer.default_root_dir)).resolve() == Path.cwd():
            raise TrainingError(
                "There is no folder for the target. Give `trainer.default_root_dir`, such as runs/shadow/NAME."
            )

    def on_fit_start(self, trainer: L.Trainer, pl_module: Any) -> None:
        """Refuse to begin where another training has ended.

        Raises:
            TrainingError: If there is a target, a snapshot or a checkpoint that this training does not go on from.
        """
        places = checkpoint_of(trainer), target_of(trainer), target_of(trainer).with_name(SNAPSHOTS)
        there = [place for place in places if place.exists()]
        if there and not pl_module.is_resumed and not is_trial(trainer):
            raise TrainingError(
                f"{there[0]} is of another training, from whose checkpoint this one does not go on. Give `ckpt_path`, "
                "another `trainer.default_root_dir`, or delete what is there."
            )
        self._saved, self._step = time.monotonic(), trainer.global_step

    def on_train_batch_start(self, trainer: L.Trainer, pl_module: Any, batch: Any, batch_idx: int) -> None:
        """Write a checkpoint before the first step, so that there is one whenever the training is cut off."""
        if pl_module.batches_done == 0 and not pl_module.is_resumed:
            save(trainer)

    def on_train_batch_end(self, trainer: L.Trainer, pl_module: Any, *_: object) -> None:
        """Write a snapshot after every so many steps, and a checkpoint after every so many minutes."""
        if trainer.global_step == self._step:
            return  # gradients are being gathered
        self._step = trainer.global_step
        if self.every_n_steps is not None and self._step % self.every_n_steps == 0:
            self._export(trainer, pl_module, snapshot_at(self._step))
        if trainer.strategy.broadcast(time.monotonic() - self._saved >= 60 * self.checkpoint_minutes):
            save(trainer)
            self._saved = time.monotonic()

    def on_train_end(self, trainer: L.Trainer, pl_module: Any) -> None:
        """Write the last checkpoint."""
        save(trainer)

    def on_fit_end(self, trainer: L.Trainer, pl_module: Any) -> None:
        """Write the target, also where the training had ended before but was cut off while it was written."""
        done, steps, folder = trainer.global_step, trainer.max_steps, target_of(trainer)
        if done:
            self._export(trainer, pl_module, folder.name if done >= steps else snapshot_at(done))
        if trainer.is_global_zero and not is_trial(trainer):
            stopped = (
                f"The training was stopped after {done} of {steps} steps, so there is no target. Without what stopped "
                "it, the same command goes on."
            )
            print(f"The target is in {folder}." if done >= steps else stopped, flush=True)

    def _export(self, trainer: L.Trainer, pl_module: Any, name: str) -> None:
        pl_module.keep_losses()
        folder = Path(str(trainer.default_root_dir)) / name
        if trainer.is_global_zero and not folder.is_dir() and not is_trial(trainer):
            unfinished = folder.with_name(f".{folder.name}")
            shutil.rmtree(unfinished, ignore_errors=True)
            unfinished.mkdir(parents=True)
            pl_module.export(unfinished)
            facts = membership_of(trainer, pl_module)
            write_whole(unfinished / "membership.json", json.dumps(facts, indent=1))
            unfinished.replace(folder)
        trainer.strategy.barrier(name)


def checkpoint_of(trainer: L.Trainer) -> Path:
    """The checkpoint that a training goes on from."""
    return Path(str(trainer.default_root_dir)) / "last.ckpt"


def target_of(trainer: L.Trainer) -> Path:
    """The finished target."""
    return Path(str(trainer.default_root_dir)) / "target"


def snapshot_at(step: int) -> str:
    """Where the target as it is after so many optimiser steps is kept, below the folder of the training."""
    return f"{SNAPSHOTS}/step-{step:05d}"


def check_whole(checkpoint: str) -> None:
    """Refuse what no training can go on from; sharded checkpoints, which are folders, are not looked into.

    Args:
        checkpoint: The checkpoint.

    Raises:
        TrainingError: If there is none, it was not written to its end, or it is of something else.
    """
    place = Path(checkpoint).expanduser()
    if not place.exists():
        said = "does not exist"
    elif place.is_dir() or "recipe" in _checkpoint(place):
        return
    else:
        said = "is damaged, or no checkpoint of a target"
    raise TrainingError(
        f"The checkpoint {checkpoint} {said}. Give another `ckpt_path`, or begin anew with another "
        "`trainer.default_root_dir`."
    )


def _checkpoint(file: Path) -> Mapping[str, Any]:
    """What is in a checkpoint, not read from the disk yet; nothing in what is none, or holds code."""
    try:
        content = saved_by_torch(file, TrainingError, mapped=True)
    except TrainingError:
        return {}
    return content if isinstance(content, Mapping) else {}


def is_trial(trainer: Any) -> bool:
    """Whether the trainer only tries a few steps (`fast_dev_run`), of which nothing is kept."""
    return bool(trainer.fast_dev_run)


def save(trainer: L.Trainer) -> None:
    """Write the checkpoint; called on all processes."""
    if not is_trial(trainer):
        trainer.save_checkpoint(checkpoint_of(trainer))


def membership_of(trainer: Any, pl_module: Any) -> dict[str, Any]:
    """What `membership.json` says: who was trained on and held out, the recipe, and how the losses fell."""
    block = LOSSES_EVERY * trainer.accumulate_grad_batches
    losses = pl_module.losses
    blocks = [losses[i : i + block] for i in range(0, len(losses), block)]
    return {
        **trainer.datamodule.membership(),
        "recipe": pl_module.recipe(),
        "versions": versions("diffusers", "lightning", "torch", "transformers"),
        "steps": trainer.global_step,
        f"losses_every_{LOSSES_EVERY}_steps": [round(sum(part) / len(part), 5) for part in blocks],
    }
