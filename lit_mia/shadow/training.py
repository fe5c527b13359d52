"""What the trainings share: the optimiser of the demo's tools; for targets the losses and who the members are."""

import json
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import lightning as L
import torch
from lightning.pytorch.utilities.types import OptimizerLRScheduler
from torch import Tensor, nn


class ToolTraining(L.LightningModule, ABC):
    """Trains a tool; a concrete class keeps `lr` and `steps` among its hyper-parameters.

    Attributes:
        weight_decay: Weight decay of AdamW.
        rise: Share of the steps over which the learning rate rises.
    """

    weight_decay: float
    rise: float

    def trained(self) -> Iterable[nn.Parameter] | list[dict[str, Any]]:
        """What is trained: parameters, or groups of them with settings of their own."""
        return self.parameters()

    def configure_optimizers(self) -> OptimizerLRScheduler:
        """AdamW with a one-cycle schedule."""
        lr, steps = float(self.hparams["lr"]), int(self.hparams["steps"])
        return one_cycle(self.trained(), lr, steps, weight_decay=self.weight_decay, rise=self.rise)


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


def one_cycle(
    parameters: Iterable[nn.Parameter] | list[dict[str, Any]],
    lr: float,
    steps: int,
    weight_decay: float,
    rise: float,
) -> OptimizerLRScheduler:
    """AdamW whose learning rate rises shortly and decays along a cosine to 0, stepped with the optimiser.

    Args:
        parameters: What is trained: parameters, or groups of them with settings of their own.
        lr: Peak learning rate.
        steps: Optimiser steps of the schedule.
        weight_decay: Weight decay of AdamW.
        rise: Share of the steps over which the rate rises.
    """
    optimizer = torch.optim.AdamW(parameters, lr=lr, weight_decay=weight_decay)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, lr, total_steps=steps + 1, pct_start=rise)
    return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}
