"""The training of a target whose members are known, as a LightningModule."""

import math
import os
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import lightning as L
import torch
from lightning.pytorch.strategies import DeepSpeedStrategy, FSDPStrategy, ModelParallelStrategy
from torch import Tensor

from lit_mia.callbacks.keep_target import KeepTarget
from lit_mia.callbacks.leak_while_training import LeakWhileTraining
from lit_mia.errors import TrainingError
from lit_mia.trainable import Trainable
from lit_mia.training_batch import TrainingBatch

LOOKED_AT_EVERY = 50
"""Steps after which losses are brought to the CPU and looked at."""
PRECISIONS = ("32-true", "bf16-mixed", "16-mixed")
"""Those of `trainer.precision` that keep trained weights, and their averages, in float32."""


class TargetTraining(Trainable, ABC):
    """Trains a target whose members are known; goes on from a checkpoint to the very losses of an undisturbed run.

    The order of records follows from a seed, and the state of the random numbers of every process is in the checkpoint.

    Attributes:
        needs_captions: Whether the target reads captions.
        losses: The loss of each batch so far, also across a resume.
        is_resumed: Whether the training goes on from a checkpoint.
    """

    needs_captions: ClassVar[bool] = True

    def __init__(self) -> None:
        super().__init__()
        self.losses: list[float] = []
        self.is_resumed = False
        self._fresh: list[Tensor] = []
        self._random_states: Tensor | None = None

    # ------------------------------------------------------------------ what a concrete training says

    @property
    @abstractmethod
    def image_size(self) -> int:
        """Side in pixels of the images that the target is trained on."""

    def encode(self, images: Tensor, captions: list[str]) -> dict[str, Tensor]:
        """What networks that are not trained make of records, by name, each `[b, ...]`; by default the images.

        Args:
            images: uint8 `[b, 3, s, s]`, on the device of the training.
            captions: A text each.
        """
        return {"images": images}

    @abstractmethod
    def loss(self, batch: TrainingBatch) -> Tensor:
        """What is minimised for encoded records, a scalar."""

    @property
    @abstractmethod
    def probes(self) -> tuple[str, ...]:
        """Names of the k losses by which a record is looked at during the training."""

    @abstractmethod
    def probe_losses(self, batch: TrainingBatch, seeds: Sequence[int]) -> Tensor:
        """Losses of encoded records under the weights that `export` writes, `[b, k]`; draws no global random numbers.

        Args:
            batch: The records.
            seeds: A seed for each, from which all that is random about its losses follows.
        """

    @abstractmethod
    def export(self, folder: Path) -> None:
        """Save the target as its library does."""

    # ------------------------------------------------------------------ steps

    @property
    def total_steps(self) -> int:
        """Optimiser steps of the whole training."""
        return int(self.trainer.max_steps)

    @property
    def batches_done(self) -> int:
        """Batches that were trained on so far, also before a resume."""
        return len(self.losses) + len(self._fresh)

    def encoded(self, batch: TrainingBatch) -> TrainingBatch:
        """The batch with its parts."""
        if batch.parts:
            return batch
        with torch.no_grad(), torch.autocast(self.device.type, enabled=False):
            return batch._replace(parts=self.encode(batch.images, batch.captions))

    def training_step(self, batch: TrainingBatch, batch_idx: int) -> Tensor:
        """The loss, logged and kept."""
        loss = self.loss(self.encoded(batch))
        self.log("train/loss", loss, prog_bar=True, batch_size=len(batch.captions))
        self._fresh.append(loss.detach())
        if len(self._fresh) >= LOOKED_AT_EVERY:
            self.keep_losses()
        return loss

    def keep_losses(self) -> None:
        """Bring losses to the CPU.

        Raises:
            TrainingError: If one is not finite.
        """
        fresh = torch.stack(self._fresh).tolist() if self._fresh else []
        self._fresh.clear()
        for step, loss in enumerate(fresh, start=len(self.losses)):
            if not math.isfinite(loss):
                raise TrainingError(
                    f"The loss of batch {step} is {loss}. Lower `lr`, or set `trainer.precision` to `32-true` or "
                    "`bf16-mixed`; a new training needs another `trainer.default_root_dir`."
                )
        self.losses += fresh

    def setup(self, stage: str) -> None:
        """Refuse a trainer that cannot be meant.

        Raises:
            TrainingError: If weights would not be in float32 and whole in each process.
        """
        if self.trainer.precision not in PRECISIONS:
            raise TrainingError(
                f"Targets are trained in float32 or mixed precision: set `trainer.precision` to "
                f"{', '.join(PRECISIONS[:-1])} or {PRECISIONS[-1]}, but got {self.trainer.precision}."
            )
        if isinstance(self.trainer.strategy, (DeepSpeedStrategy, FSDPStrategy, ModelParallelStrategy)):
            raise TrainingError(
                f"{type(self.trainer.strategy).__name__} keeps a part of the weights in each process, but targets are "
                "measured and written whole. Set `trainer.strategy` to auto or ddp."
            )

    def configure_callbacks(self) -> list[L.Callback]:
        """What a training needs, where the trainer has none of the kind."""
        there: list[L.Callback] = self.trainer.callbacks  # type: ignore[attr-defined]
        kinds = (LeakWhileTraining, KeepTarget)  # the last measurement comes before the last checkpoint
        return [kind() for kind in kinds if not any(isinstance(callback, kind) for callback in there)]

    # ------------------------------------------------------------------ random numbers

    def on_train_start(self) -> None:
        """Give every further process random numbers of its own."""
        if self.global_rank:
            torch.manual_seed(torch.initial_seed() + self.global_rank)

    def on_train_batch_start(self, batch: Any, batch_idx: int) -> None:
        """Take up the random numbers where they were."""
        if self._random_states is not None:
            set_random_state(self._random_states[self.global_rank], self.device)
            self._random_states = None

    # ------------------------------------------------------------------ checkpoints

    def recipe(self) -> dict[str, Any]:
        """Everything that changes the outcome, as JSON values: of the model, the data, the trainer and the seed."""
        trainer = self.trainer
        data: Any = trainer.datamodule  # type: ignore[attr-defined]
        return {
            "model": {"class": type(self).__name__, **plain(self.hparams)},
            "data": data.recipe(),
            "trainer": {
                "max_steps": self.total_steps,
                "precision": str(trainer.precision),
                "accumulate_grad_batches": trainer.accumulate_grad_batches,
                "gradient_clip_val": trainer.gradient_clip_val,
                "gradient_clip_algorithm": getattr(trainer.gradient_clip_algorithm, "value", None),
                "processes": trainer.world_size,
            },
            "seed": os.environ.get("PL_GLOBAL_SEED"),
        }

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keep losses, random numbers and recipe."""
        self.keep_losses()
        states: Any = self.all_gather(random_state(self.device).to(self.device))
        checkpoint["losses"] = list(self.losses)
        checkpoint["random_states"] = states.reshape(self.trainer.world_size, -1).cpu()
        checkpoint["recipe"] = self.recipe()

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Take up the losses of the interrupted run.

        Raises:
            TrainingError: If it was a run of another recipe, or no training of a target.
        """
        if "recipe" not in checkpoint:
            raise TrainingError("The checkpoint is not of a training of a target. Leave `ckpt_path` out.")
        refuse_other(checkpoint["recipe"], self.recipe(), str(self.trainer.default_root_dir))
        self.losses, self.is_resumed = list(checkpoint["losses"]), True
        self._random_states = checkpoint["random_states"]


def refuse_other(begun: Mapping[str, Any], asked: Mapping[str, Any], place: str) -> None:
    """Refuse to go on with a training under another recipe.

    Args:
        begun: The recipe that it was begun with.
        asked: The one of now.
        place: Where the training is.

    Raises:
        TrainingError: If they differ.
    """
    before, now = flat(begun), flat(asked)
    other = [
        f"{name} was {before.get(name)!r} and is {now.get(name)!r}"
        for name in sorted(before.keys() | now.keys())
        if before.get(name) != now.get(name)
    ]
    if other:
        raise TrainingError(
            f"The training in {place} was begun with another recipe: {'; '.join(other)}. Go on with the old settings, "
            "or give a new training another `trainer.default_root_dir`."
        )


def flat(recipe: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested settings under dotted names."""
    found: dict[str, Any] = {}
    for name, value in recipe.items():
        inner = flat(value, f"{prefix}{name}.") if isinstance(value, Mapping) else {f"{prefix}{name}": value}
        found |= inner
    return found


def plain(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Hyper-parameters as JSON values, without what Lightning adds to them."""
    kept = {name: value for name, value in settings.items() if not name.startswith("_")}
    return {name: list(value) if isinstance(value, tuple) else value for name, value in kept.items()}


def random_state(device: torch.device) -> Tensor:
    """The state of the random numbers of the CPU and, behind it, of a CUDA device, uint8 `[n]`."""
    own = torch.get_rng_state()
    return torch.cat([own, torch.cuda.get_rng_state(device)]) if device.type == "cuda" else own


def set_random_state(state: Tensor, device: torch.device) -> None:
    """Set what `random_state` gave; torch reads a part of a tensor from the wrong place, so that it is copied."""
    size = len(torch.get_rng_state())
    torch.set_rng_state(state[:size].clone())
    if device.type == "cuda" and len(state) > size:
        torch.cuda.set_rng_state(state[size:].clone(), device)
