"""Watches what a training gives away about the records that it is trained on, while it runs."""

import logging
import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Self, final

import lightning as L
import numpy as np
from lightning.pytorch.loggers import WandbLogger
from torch import Tensor

from lit_mia.callbacks.keep_target import is_trial
from lit_mia.callbacks.probing import (
    HasProbeBatches,
    HasProbeLosses,
    Loaders,
    LossFunction,
    measure,
    passes,
)
from lit_mia.callbacks.record_losses import Measurement, RecordLosses
from lit_mia.errors import TrainingError
from lit_mia.files import replacing
from lit_mia.ranges import at_least, check
from lit_mia.records import MEMBER, NON_MEMBER
from lit_mia.report.leak import Measured, Numbers, leak_figure, numbers
from lit_mia.report.style import DPI
from lit_mia.report.tables import write_csv

logger = logging.getLogger(__name__)

LOSSES, TABLE, PLOT = "record_losses.parquet", "leak.csv", "leak.png"
MEASUREMENTS = 10
"""How often a training is looked at after its start, if nothing else is said."""


@final
class LeakWhileTraining(L.Callback):
    """Measures every so many steps how much lower the losses of trained-on records are than those of held-out ones.

    A fixed sample of both sides is asked for its losses at fixed noises: at the start, every so many steps and at the
    end. Below `trainer.default_root_dir` it keeps every loss (`record_losses.parquet`), what they say (`leak.csv`) and
    at the end a figure (`leak.png`); loggers of the trainer get the numbers, and Weights & Biases the figure too. A
    training that goes on adds to these files, and a new one writes over them.

    - `leak/gap`: mean loss held out minus mean loss trained on; `leak/auc`: how well a low loss tells the two apart.
    - `leak/gap_since_start`, `leak/auc_since_start`: the same of each record's loss minus its loss at the first
      measurement. That one side's records were easier from the start does not show there; that any training would find
      them easier to learn still does, unless a coin decided who is trained on.
    - `quality/held_out_loss`, `quality/train_loss`: the mean losses.

    Intervals are 95 % intervals of single measurements, with the group of records as the unit. The training itself is
    not changed by it, to the last bit. A measurement costs a forward pass for each record and probe, with five probes
    2,560 at most; processes share them. A training without held-out records has nothing to compare with: it is warned
    of, and only its losses are kept.

    In a module of your own give it two data loaders, and a method `probe_losses` (or a function `losses`) that returns
    a loss for each record, `[b, k]`:

    >>> import torch
    >>> class Line(L.LightningModule):
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.weight = torch.nn.Parameter(torch.zeros(8))
    ...     def training_step(self, batch, batch_idx):
    ...         return self.probe_losses(batch, []).mean()
    ...     def probe_losses(self, batch, seeds):
    ...         x, y = batch
    ...         return (x @ self.weight - y).square()[:, None]
    ...     def configure_optimizers(self):
    ...         return torch.optim.SGD(self.parameters(), lr=0.05)
    >>> records = torch.utils.data.TensorDataset(torch.randn(40, 8), torch.randn(40))
    >>> trained_on, held_out = torch.utils.data.random_split(records, [20, 20])
    >>> loader = torch.utils.data.DataLoader
    >>> watch = LeakWhileTraining.between(loader(trained_on, 10), loader(held_out, 10), every_n_steps=10)
    >>> trainer = L.Trainer(max_epochs=20, callbacks=[watch], default_root_dir="runs/line")
    >>> trainer.fit(Line(), loader(trained_on, 10, shuffle=True))

    Args:
        every_n_steps: Optimiser steps between measurements; null: a tenth of the training.
        records: Most records of each side.

    Raises:
        TrainingError: If a number is out of range.
    """

    def __init__(self, every_n_steps: int | None = None, records: int = 256) -> None:
        check(TrainingError, at_least(1)(every_n_steps=every_n_steps, records=records))
        self.every_n_steps, self.records = every_n_steps, records
        self._loaders: Loaders | None = None
        self._own_losses: LossFunction | None = None
        self._interval = 1
        self._last = -1
        self._epoch = 0.0
        self._kept: RecordLosses | None = None
        self._first: Measured | None = None
        self._rows: list[dict[str, Any]] = []

    @classmethod
    def between(
        cls,
        members: Iterable[Any],
        held_out: Iterable[Any],
        losses: LossFunction | None = None,
        *,
        every_n_steps: int | None = None,
        records: int = 256,
    ) -> Self:
        """Watch batches of one's own, with any LightningModule.

        Args:
            members: Batches of records that are trained on, the same at every reading; see `Loaders`.
            held_out: Batches of records that are not, likewise.
            losses: From the module, a batch and a seed for each of its records to their losses, `[b, k]`; by default
                the module's method `probe_losses`.
            every_n_steps: Optimiser steps between measurements; None: a tenth of the training.
            records: Of each side, batches are read until there are so many records.

        Raises:
            TrainingError: If a loader shuffles or can be read only once, or a number is out of range.
        """
        made = cls(every_n_steps, records)
        made._loaders, made._own_losses = Loaders(members, held_out), losses
        return made

    # ------------------------------------------------------------------ hooks

    def setup(self, trainer: L.Trainer, pl_module: L.LightningModule, stage: str) -> None:
        """Refuse what cannot be measured, before anything is trained.

        Raises:
            TrainingError: If the module tells no losses of records, or the data hold no records to ask for.
        """
        if stage == "fit":
            self._data(trainer)
            self._losses(pl_module)

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Take up what an earlier run measured, and measure.

        Raises:
            TrainingError: If that cannot be read or compared with, or the length of the training is not known.
        """
        self._interval = self.every_n_steps or _tenth(trainer.estimated_stepping_batches)
        self._rows, self._kept, self._epoch = [], None, passes(trainer, 0)
        if trainer.is_global_zero and not is_trial(trainer):
            self._kept = RecordLosses(_folder(trainer) / LOSSES, trainer.global_step)
            for known in self._kept.measurements():
                self._tell(known)
        self._last = trainer.strategy.broadcast(self._rows[-1]["step"] if self._rows else -1)
        self._measure_if_due(trainer, pl_module)

    def on_train_batch_end(
        self, trainer: L.Trainer, pl_module: L.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Measure after every so many optimiser steps."""
        self._epoch = passes(trainer, batch_idx + 1)
        self._measure_if_due(trainer, pl_module)

    def on_train_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Measure what has come of it, and draw the figure."""
        if trainer.global_step > self._last:
            self._measure(trainer, pl_module)
        if self._kept is not None:
            figure = leak_figure(self._rows)
            with replacing(_folder(trainer) / PLOT) as temporary:
                figure.savefig(temporary, dpi=DPI, format="png")
            for each in trainer.loggers:
                if isinstance(each, WandbLogger):
                    from lit_mia.report.tracking import log_figure

                    log_figure(each, "leak", figure)

    # ------------------------------------------------------------------ what is measured

    def _data(self, trainer: Any) -> HasProbeBatches:
        data = self._loaders or getattr(trainer, "datamodule", None)
        if not isinstance(data, HasProbeBatches):
            raise TrainingError(
                "LeakWhileTraining does not know which records are trained on and which are held out: "
                f"{type(data).__name__} has no method `probe_batches`. Train with a TargetDataModule, or make the "
                "callback by `LeakWhileTraining.between(members, held_out)`."
            )
        return data

    def _losses(self, module: L.LightningModule) -> LossFunction:
        if self._own_losses is not None:
            return self._own_losses
        if not isinstance(module, HasProbeLosses):
            raise TrainingError(
                f"LeakWhileTraining needs a loss for each record, but {type(module).__name__} has no method "
                "`probe_losses(batch, seeds)` that returns them as [b, k]. Add one, or give a function as `losses` to "
                "`LeakWhileTraining.between`."
            )
        return _method

    def _measure_if_due(self, trainer: L.Trainer, module: L.LightningModule) -> None:
        step, last = trainer.global_step, self._last
        is_end = step == trainer.max_steps  # before the checkpoint from which nothing goes on
        if last < 0 or step // self._interval > last // self._interval or (is_end and step > last):
            self._measure(trainer, module)

    def _measure(self, trainer: L.Trainer, module: L.LightningModule) -> None:
        losses = self._losses(module)
        probes = None if self._own_losses else getattr(module, "probes", None)
        measured = measure(trainer, self._data(trainer), losses=losses, probes=probes, most=self.records)
        self._last = trainer.global_step
        if self._kept is not None:
            new = Measurement(self._last, self._epoch, measured)
            self._kept.add(new)
            told = self._tell(new)
            _warn(new, is_first=len(self._rows) == 1)
            columns = {name: [row[name] for row in self._rows] for name in self._rows[0]}
            with replacing(_folder(trainer) / TABLE) as temporary:
                write_csv(columns, temporary)
            for each in trainer.loggers:
                each.log_metrics({name: value for name, value in told.items() if value is not None}, step=self._last)

    def _tell(self, new: Measurement) -> Numbers:
        """The numbers of a measurement, which are kept as the next row."""
        if not self._rows:
            self._first = new.measured
        assert self._first is not None
        told = numbers(new.measured, self._first)
        self._rows.append({"step": new.step, "epoch": new.epoch, **told})
        return told


def _method(module: Any, batch: Any, seeds: Sequence[int]) -> Tensor:
    losses: Tensor = module.probe_losses(batch, seeds)
    return losses


def _folder(trainer: L.Trainer) -> Path:
    return Path(str(trainer.default_root_dir))


def _tenth(steps: float) -> int:
    if not 0 < steps < math.inf:
        raise TrainingError(
            "LeakWhileTraining cannot tell a tenth of a training without an end. Give `every_n_steps`, or `max_steps` "
            "to the trainer."
        )
    return max(1, int(steps) // MEASUREMENTS)


def _warn(new: Measurement, is_first: bool) -> None:
    measured = new.measured
    if is_first and not measured.is_comparable:
        logger.warning(
            "Of the records that are watched %d are trained on and %d are held out. For a leak each side needs two "
            "groups or more: only their losses are kept.",
            (measured.members == MEMBER).sum(),
            (measured.members == NON_MEMBER).sum(),
        )
    if not np.isfinite(measured.losses).all():
        logger.warning("At step %d some losses of records are not finite, and no leak can be told.", new.step)
