"""Keeps the epoch that is best on the val split, in memory."""

from typing import Any, Literal

import lightning as L
import torch
from lightning.pytorch.callbacks import Callback
from torch import Tensor


class BestEpoch(Callback):
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
            with torch.no_grad():
                pl_module.load_state_dict(self.state)
            pl_module.calibration = self.calibration
