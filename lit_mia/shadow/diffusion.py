"""What the trainings of diffusion targets share: averaged weights, the learning rate, and the losses of records."""

import copy
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch.utilities.types import OptimizerLRScheduler
from torch import Tensor, nn
from torch.nn import functional as F

from lit_mia.models import normal
from lit_mia.shadow.training import TargetTraining
from lit_mia.training_batch import TrainingBatch

PROBED = (50, 100, 200, 350, 500)
"""Timesteps at which records are looked at."""


class DiffusionTraining(TargetTraining, ABC):
    """Trains a noise prediction network from random weights (Ho et al. 2020, eq. 14).

    A concrete class keeps `lr`, `warmup` and `ema_decay` among its hyper-parameters, and calls `keep` once.
    """

    unet: nn.Module
    ema: nn.Module
    scheduler: Any

    @abstractmethod
    def clean(self, batch: TrainingBatch) -> Tensor:
        """What noise is added to, `[b, c, s, s]`."""

    @abstractmethod
    def told(self, batch: TrainingBatch) -> tuple[Tensor, ...]:
        """What the network is told about records beside x_t and t, each `[b, ...]`."""

    @abstractmethod
    def pipeline(self, unet: nn.Module) -> Any:
        """The diffusers pipeline with the given network."""

    def keep(self, unet: nn.Module) -> None:
        """Take the network to train, and start its moving average."""
        self.unet = unet
        self.ema = copy.deepcopy(unet).requires_grad_(False).eval()

    def loss(self, batch: TrainingBatch) -> Tensor:
        """Mean squared error of the predicted noise at uniformly drawn timesteps."""
        x = self.clean(batch)
        noise = torch.randn_like(x)
        t = torch.randint(0, self.scheduler.config.num_train_timesteps, (len(x),), device=self.device)
        predicted = self.unet(self.scheduler.add_noise(x, noise, t), t, *self.dropped(self.told(batch))).sample
        return F.mse_loss(predicted.float(), noise)

    def dropped(self, told: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """What the network is told in training; by default all of it."""
        return told

    @property
    def probes(self) -> tuple[str, ...]:
        """Fixed timesteps."""
        return tuple(f"t={t}" for t in PROBED)

    @torch.inference_mode()
    def probe_losses(self, batch: TrainingBatch, seeds: Sequence[int]) -> Tensor:
        """Squared error of the noise that the averaged weights predict, for each timestep another noise, `[b, k]`."""
        x, told = self.clean(batch), self.told(batch)

        def errors(noise: Tensor, t: Tensor) -> Tensor:
            predicted: Tensor = self.ema(self.scheduler.add_noise(x, noise, t), t, *told).sample
            return predicted.float() - noise

        return probed(x, seeds, PROBED, errors=errors)

    def optimizer_step(self, *args: Any, **kwargs: Any) -> None:
        """Step, then move the averaged weights: before any callback keeps them."""
        super().optimizer_step(*args, **kwargs)
        follow(self.ema.parameters(), self.unet.parameters(), float(self.hparams["ema_decay"]), self.global_step + 1)

    def configure_optimizers(self) -> OptimizerLRScheduler:
        """AdamW with linear warm-up, a constant part, and a linear decay over the last quarter."""
        lr, warmup = float(self.hparams["lr"]), int(self.hparams["warmup"])
        return warm_adamw(self.unet.parameters(), lr, warmup, steps=self.total_steps)

    def export(self, folder: Path) -> None:
        """Save a standard diffusers pipeline folder of the averaged weights, in half precision."""
        self.pipeline(copy.deepcopy(self.ema)).to("cpu").to(torch.float16).save_pretrained(folder)


def probed(
    x: Tensor, seeds: Sequence[int], timesteps: Sequence[int], *, errors: Callable[[Tensor, Tensor], Tensor]
) -> Tensor:
    """Mean squared errors of records at fixed timesteps, for each timestep another noise, `[b, k]`.

    Args:
        x: The clean records, `[b, c, s, s]`.
        seeds: A seed for each, from which its noises follow.
        timesteps: The k timesteps.
        errors: From noise `[b, c, s, s]` and timesteps `[b]` to errors `[b, ...]`.
    """
    losses = []
    for place, step in enumerate(timesteps):
        noise = normal(x.shape[1:], [seed + place for seed in seeds]).to(x)
        found = errors(noise, torch.full((len(x),), step, device=x.device))
        losses.append(found.square().flatten(1).mean(1))
    return torch.stack(losses, dim=1)


def learning_rate(step: int, warmup: int, steps: int) -> float:
    """Share of the learning rate at a step: up to 1 over `warmup` steps, down to 0.1 over the last quarter."""
    done = max(0.0, (step / steps - 0.75) / 0.25)
    return min(1.0, (step + 1) / max(1, warmup)) * (1 - 0.9 * min(1.0, done))


def warm_adamw(parameters: Iterable[nn.Parameter], lr: float, warmup: int, steps: int) -> OptimizerLRScheduler:
    """AdamW with the learning rate of `learning_rate`, stepped with the optimiser.

    Args:
        parameters: What is trained.
        lr: Learning rate after the warm-up.
        warmup: Steps of linear warm-up.
        steps: Optimiser steps of the training.
    """
    optimizer = torch.optim.AdamW(parameters, lr=lr, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: learning_rate(step, warmup, steps))
    return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}


@torch.no_grad()
def follow(average: Iterable[Tensor], weights: Iterable[Tensor], decay: float, done: int) -> None:
    """Move an exponential moving average towards the weights.

    Args:
        average: The average, which is changed.
        weights: The weights.
        decay: Decay of the average; it starts lower, at (done + 1) / (done + 10).
        done: Optimiser steps so far.
    """
    torch._foreach_lerp_(list(average), list(weights), 1 - min(decay, (done + 1) / (done + 10)))
