"""Trains heads for an audit: every head and every control with one budget and the same seeds."""

import copy
import json
import logging
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import lightning as L
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lit_mia.attacks.base import Attack
from lit_mia.attacks.checkpoints import Start
from lit_mia.attacks.data import HeadDataModule
from lit_mia.errors import HeadError


class BestEpoch(L.Callback):
    """Stops when the monitored value no longer improves, and puts the best epoch's head back at the end of the fit.

    The epoch is chosen on `val`; the calibration scores that go with it are restored too.

    Args:
        monitor: What to watch.
        mode: Whether larger (`max`) or smaller (`min`) is better.
        patience: Epochs without improvement before stopping.
    """

    def __init__(self, monitor: str = "val/loss", mode: Literal["max", "min"] = "min", patience: int = 20) -> None:
        self.monitor, self.mode, self.patience = monitor, mode, patience
        self.best, self.epoch = float("-inf"), -1
        self.state: dict[str, Tensor] = {}
        self.calibration: dict[str, list[float]] = {}

    def on_validation_end(self, trainer: L.Trainer, pl_module: Any) -> None:
        """Compare this epoch with the best one."""
        if trainer.sanity_checking:
            return
        value = float(trainer.callback_metrics[self.monitor]) * (1 if self.mode == "max" else -1)
        if value > self.best:
            self.best, self.epoch = value, trainer.current_epoch
            self.state = {name: tensor.detach().clone() for name, tensor in pl_module.state_dict().items()}
            self.calibration = pl_module.calibration
        elif trainer.current_epoch - self.epoch >= self.patience:
            trainer.should_stop = True

    def on_fit_end(self, trainer: L.Trainer, pl_module: Any) -> None:
        """Put the best epoch back."""
        if self.state:
            pl_module.load_state_dict(self.state)
            pl_module.calibration = self.calibration


@dataclass(frozen=True)
class Budget:
    """How long and with how many seeds each head of an audit is trained.

    Attributes:
        seeds: Number of seeds.
        max_epochs: Most epochs of a head.
        patience: Epochs without improvement on val before a head stops.
        monitor: What chooses the epoch, on val.
        accelerator: Lightning's accelerator.
        devices: Devices that train one head.

    Raises:
        HeadError: If a head would not be trained.
    """

    seeds: int = 5
    max_epochs: int = 200
    patience: int = 20
    monitor: Literal["val/loss", "val/auc"] = "val/loss"
    accelerator: str = "auto"
    devices: int = 1

    def __post_init__(self) -> None:
        """Check that heads are trained."""
        _check_at_least_one(seeds=self.seeds, max_epochs=self.max_epochs)

    def length(self) -> dict[str, Any]:
        """How long a `Trainer` fits: until val no longer improves."""
        best = BestEpoch(self.monitor, "max" if self.monitor == "val/auc" else "min", self.patience)
        return {"max_epochs": self.max_epochs, "callbacks": [best]}


@dataclass(frozen=True)
class FixedBudget:
    """The same number of optimiser steps for every head, whatever its training set; val chooses nothing.

    Attributes:
        seeds: Number of seeds.
        steps: Optimiser steps of a head, which keeps its last weights.
        accelerator: Lightning's accelerator.
        devices: Devices that train one head.

    Raises:
        HeadError: If a head would not be trained.
    """

    seeds: int
    steps: int
    accelerator: str = "auto"
    devices: int = 1

    def __post_init__(self) -> None:
        """Check that heads are trained."""
        _check_at_least_one(seeds=self.seeds, steps=self.steps)

    def length(self) -> dict[str, Any]:
        """How long a `Trainer` fits: for `steps` steps, without looking at val."""
        return {"max_steps": self.steps, "limit_val_batches": 0}


def train_seeds(
    attack: Attack, data: HeadDataModule, budget: Budget | FixedBudget, checkpoint: Path | None = None
) -> NDArray[np.float64]:
    """Train copies of a head with seeds 0, 1, … and score all records.

    Args:
        attack: The head, not built yet; it is left as it is.
        data: A datamodule whose arrays are prepared.
        budget: Length and seeds.
        checkpoint: Where the head of seed 0 is saved.

    Returns:
        Raw scores `[seeds, n]` of all records of the table.
    """
    scores = []
    for seed in range(budget.seeds):
        head = copy.deepcopy(attack)
        with quiet():
            trainer = fit_head(head, data, budget, seed)
            if seed == 0 and checkpoint is not None:
                trainer.save_checkpoint(checkpoint)
        scores.append(score_all(head, data))
    return np.stack(scores)


def fit_head(head: Attack, data: HeadDataModule, budget: Budget | FixedBudget, seed: int) -> L.Trainer:
    """Fit one head; it ends with the weights of its best epoch on val, or of its last step if the budget is fixed."""
    L.seed_everything(seed, workers=True, verbose=False)
    trainer = L.Trainer(
        accelerator=budget.accelerator,
        devices=budget.devices,
        **budget.length(),
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
    )
    trainer.fit(head, datamodule=data)
    return trainer


@torch.inference_mode()
def score_all(head: Attack, data: HeadDataModule) -> NDArray[np.float64]:
    """Raw scores `[n]` of all records of the table, in its order."""
    head.eval()
    return torch.cat([head.score(batch.to(head.device)) for batch in data.batches()]).double().cpu().numpy()


def check_varies(name: str, scores: NDArray[np.float64], calibration: Sequence[int], advice: str) -> None:
    """Refuse an attack that tells no record from another: its AUC of 0.5 would look like a finding.

    A control may be so: where members and others are alike in what it sees, that is what it should say.

    Args:
        name: The attack.
        scores: `[seeds, n]`.
        calibration: Rows that fix the scale of a seed; one that is constant there would count as zero.
        advice: What to do about it.

    Raises:
        HeadError: If a seed's scores are equal on all calibration records, or one is not a number.
    """
    broken = [seed for seed, of_seed in enumerate(scores) if not np.isfinite(of_seed).all()]
    dead = [seed for seed, of_seed in enumerate(scores[:, list(calibration)]) if np.ptp(of_seed) == 0]
    if broken or dead:
        said = "are not all finite" if broken else f"are the same for all {len(calibration)} records of calibration"
        seeds = f" (seed {', '.join(map(str, broken or dead))} of {len(scores)})" if len(scores) > 1 else ""
        raise HeadError(f"The scores of {name} {said}{seeds}, so that no AUC of it would mean anything. {advice}")


def _check_at_least_one(**given: int) -> None:
    wrong = {name: value for name, value in given.items() if value < 1}
    if wrong:
        raise HeadError(f"A budget must be at least 1 in all it counts, but has {wrong}: no head would be trained.")


def same_training(attack: Attack) -> str:
    """A key that two heads share if they would be trained to the same scores on the same data.

    Raises:
        HeadError: If the head starts from a checkpoint that is not there.
    """
    settings, start = dict(sorted(attack.hparams.items())), Start.of(attack.hparams)
    return json.dumps([type(attack).__name__, settings | ({"init_from": start.digest} if start else {})], default=list)


@contextmanager
def quiet() -> Iterator[None]:
    """Hide Lightning's notes on every one of the many short fits."""
    logger = logging.getLogger("lightning.pytorch")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            for note in ("does not have many workers", "The number of training batches", "LeafSpec"):
                warnings.filterwarnings("ignore", f".*{note}.*")
            yield
    finally:
        logger.setLevel(level)
