"""How long heads are trained, and which epoch of a fit counts."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain, count, islice
from typing import Any, Literal, final

import lightning as L
from lightning.fabric.utilities.exceptions import MisconfigurationException
from torch import Tensor, nn

from lit_mia.errors import HeadError
from lit_mia.ranges import at_least, check


@final
class BestWeights:
    """The weights of a network after the best epoch so far.

    Attributes:
        epoch: That epoch; -1 before there is one.
        value: What told it, higher for better epochs.
    """

    def __init__(self) -> None:
        self.epoch, self.value = -1, float("-inf")
        self._state: dict[str, Tensor] = {}

    def improves(self, value: float, epoch: int, network: nn.Module) -> bool:
        """Whether an epoch is better than all before; its weights are kept then.

        Args:
            value: What tells, higher for better epochs; NaN is never better.
            epoch: Its number.
            network: The network as it is after it.
        """
        if not value > self.value:
            return False
        self.value, self.epoch = value, epoch
        self._state = {name: tensor.detach().clone() for name, tensor in network.state_dict().items()}
        return True

    def put_back(self, network: nn.Module) -> None:
        """Give a network the weights of the best epoch, if there is one."""
        if self._state:
            network.load_state_dict(self._state)


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
        self._best = BestWeights()
        self.calibration: dict[str, list[float]] = {}

    @property
    def epoch(self) -> int:
        """The best epoch so far; -1 before there is one."""
        return self._best.epoch

    @property
    def best(self) -> float:
        """What the best epoch was chosen by, higher for better ones."""
        return self._best.value

    def on_validation_end(self, trainer: L.Trainer, pl_module: Any) -> None:
        """Compare this epoch with the best one."""
        if trainer.sanity_checking:
            return
        value = float(trainer.callback_metrics[self.monitor]) * (1 if self.mode == "max" else -1)
        if self._best.improves(value, trainer.current_epoch, pl_module):
            self.calibration = pl_module.calibration
        elif trainer.current_epoch - self.epoch >= self.patience:
            trainer.should_stop = True

    def on_fit_end(self, trainer: L.Trainer, pl_module: Any) -> None:
        """Put the best epoch back."""
        if self.epoch >= 0:
            self._best.put_back(pl_module)
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
        counts = at_least(1)(seeds=self.seeds, max_epochs=self.max_epochs, devices=self.devices)
        check(HeadError, counts, at_least(0)(patience=self.patience))

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
        check(HeadError, at_least(1)(seeds=self.seeds, steps=self.steps, devices=self.devices))

    def length(self) -> dict[str, Any]:
        """How long a `Trainer` fits: for `steps` steps, without looking at val."""
        return {"max_steps": self.steps, "limit_val_batches": 0}

    def take(self, epoch: Callable[[int], Iterator[None]]) -> None:
        """Make the steps.

        Args:
            epoch: Makes those of an epoch, of which it is told the number, one whenever it is advanced.
        """
        for _ in islice(chain.from_iterable(map(epoch, count())), self.steps):
            pass


def trainer_of(budget: Budget | FixedBudget) -> L.Trainer:
    """A Trainer that fits one head for this long, and writes nothing.

    Raises:
        HeadError: If this machine has not what the budget asks for.
    """
    try:
        return L.Trainer(
            accelerator=budget.accelerator,
            devices=budget.devices,
            **budget.length(),
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            num_sanity_val_steps=0,
        )
    except (MisconfigurationException, ValueError) as error:
        raise HeadError(
            f"Heads cannot be trained with `accelerator: {budget.accelerator}` and `devices: {budget.devices}`: "
            f"{' '.join(str(error).split())} `accelerator: auto` takes what this machine has."
        ) from error
