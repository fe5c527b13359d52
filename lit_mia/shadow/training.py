"""What the trainings of targets share: the losses and who the members are; for diffusion also averaged weights."""

import copy
import json
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import lightning as L
import torch
from lightning.pytorch.utilities.types import OptimizerLRScheduler
from torch import Tensor, nn


class TargetTraining(L.LightningModule, ABC):
    """Trains a target whose members are known; keeps the losses of all steps, also across a resume."""

    def __init__(self) -> None:
        super().__init__()
        self.losses: list[float] = []

    @abstractmethod
    def loss(self, batch: Any) -> Tensor:
        """What is minimised, a scalar."""

    @abstractmethod
    def export(self, folder: Path, membership: Mapping[str, object]) -> None:
        """Save the target as a folder in half precision, with `membership.json`.

        Args:
            folder: Folder to write.
            membership: Ids and labels, seed and recipe; steps and losses (mean of every 50 steps) are added.
        """

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        """The loss, logged and kept."""
        loss = self.loss(batch)
        self.log("train/loss", loss, prog_bar=True)
        self.losses.append(float(loss.detach()))
        return loss

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keep the losses across a resume."""
        checkpoint["losses"] = list(self.losses)

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Take up the losses of the interrupted run."""
        self.losses = list(checkpoint["losses"])

    def write_membership(self, folder: Path, membership: Mapping[str, object]) -> None:
        """Write `membership.json` into the folder of an exported target."""
        blocks = [self.losses[i : i + 50] for i in range(0, len(self.losses), 50)]
        facts = {
            **membership,
            "steps": len(self.losses),
            "losses_every_50_steps": [round(sum(block) / len(block), 5) for block in blocks],
        }
        (folder / "membership.json").write_text(json.dumps(facts, indent=1))


class DiffusionTraining(TargetTraining):
    """Trains a noise prediction network; a concrete class says how its loss is made and what pipeline it belongs to.

    A concrete class keeps `steps`, `lr`, `warmup` and `ema_decay` among its hyper-parameters, and calls `keep` once.
    """

    unet: nn.Module
    ema: nn.Module

    @abstractmethod
    def pipeline(self, unet: nn.Module) -> Any:
        """The diffusers pipeline with the given network."""

    def keep(self, unet: nn.Module) -> None:
        """Take the network to train, and start its moving average."""
        self.unet = unet
        self.ema = copy.deepcopy(unet).requires_grad_(False).eval()

    @torch.no_grad()
    def on_train_batch_end(self, *_: Any) -> None:
        """Move the averaged weights."""
        decay = min(float(self.hparams["ema_decay"]), (self.global_step + 1) / (self.global_step + 10))
        torch._foreach_lerp_(list(self.ema.parameters()), list(self.unet.parameters()), 1 - decay)

    def configure_optimizers(self) -> OptimizerLRScheduler:
        """AdamW with linear warm-up, a constant part, and a linear decay over the last quarter."""
        optimizer = torch.optim.AdamW(self.unet.parameters(), lr=float(self.hparams["lr"]), weight_decay=0.01)
        warmup, steps = int(self.hparams["warmup"]), int(self.hparams["steps"])
        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: learning_rate(step, warmup, steps))
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def export(self, folder: Path, membership: Mapping[str, object]) -> None:
        """Save a standard diffusers pipeline folder of the averaged weights."""
        self.pipeline(copy.deepcopy(self.ema)).to(torch.float16).save_pretrained(folder)
        self.write_membership(folder, membership)


def learning_rate(step: int, warmup: int, steps: int) -> float:
    """Share of the learning rate at a step: up to 1 over `warmup` steps, down to 0.1 over the last quarter."""
    done = max(0.0, (step / steps - 0.75) / 0.25)
    return min(1.0, (step + 1) / warmup) * (1 - 0.9 * min(1.0, done))
