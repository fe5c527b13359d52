"""Trains MLP heads of one shape together, each to what Lightning's Trainer would make of it alone, within rounding.

Initial weights, order of the records, dropped units, steps of the optimiser and the epoch that is best on val are those
of a fit alone: each head has the random numbers of its own seed.
"""

from collections.abc import Iterator, Sequence
from typing import final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from lit_mia.attacks.base import make_optimizer
from lit_mia.attacks.budgets import Budget, FixedBudget
from lit_mia.attacks.draws import Draws
from lit_mia.attacks.failures import diverged, not_trained
from lit_mia.attacks.material import Material
from lit_mia.attacks.semantic import MlpAttack
from lit_mia.attacks.stacked import StackedHeads
from lit_mia.attacks.threads import go_on
from lit_mia.metrics.metric import RawAUROC


def fit_together(
    material: Material[MlpAttack],
    budget: Budget | FixedBudget,
    seeds: Sequence[int],
    labels: NDArray[np.int64] | None = None,
) -> StackedHeads:
    """Fit a head for each of some seeds; it ends with the weights that it would end with alone.

    Args:
        material: What they learn from.
        budget: How long.
        seeds: One for each head; several heads may have the same.
        labels: Labels by head and row, if they are not the records' own, `[heads, rows]`.

    Raises:
        HeadError: If a head diverges, or none makes a step.
    """
    fit = _Fit(material, seeds, labels)
    if isinstance(budget, FixedBudget):
        budget.take(fit.epoch)
        return fit.heads
    best = _BestEpochs(fit.heads, budget)
    for number in range(budget.max_epochs):
        for _ in fit.epoch(number):
            pass
        if not fit.keep(best.improving(number, fit.on_val(number, budget.monitor))):
            break
    best.put_back()
    return fit.heads


@final
class _Fit:
    """Heads in training, with their optimiser."""

    def __init__(self, material: Material[MlpAttack], seeds: Sequence[int], labels: NDArray[np.int64] | None) -> None:
        different = sorted(set(seeds))
        self._material, self._settings = material, material.head.hparams
        self._draws, begun = [Draws(seed) for seed in different], []
        for draws in self._draws:
            with draws.used():
                begun.append(material.begun())
        self._places = torch.tensor([different.index(seed) for seed in seeds])
        self._train, self._val = (part.labels(labels, len(seeds)) for part in (material.train, material.val))
        self.heads = StackedHeads(begun, self._places)
        self._optimizer = make_optimizer(self._settings, self.heads.weights, fused=True)

    def epoch(self, number: int) -> Iterator[None]:
        """Make the steps of an epoch.

        Args:
            number: Which, from 0.

        Raises:
            HeadError: If there is none, or a head diverges.
        """
        orders = [draws.order(self._material.loader, number) for draws in self._draws]
        if not orders[0]:
            raise not_trained(self._material.head.name, None, -1, batches=0)
        for rows in zip(*orders, strict=True):
            go_on()
            self._step(torch.tensor(rows)[self._places], number)
            yield

    def _step(self, rows: Tensor, epoch: int) -> None:
        """One step of each head on its own batch, `[h, b]`."""
        features, labels = self._material.train.features[rows], self._train.gather(1, rows.to(self._train.device))
        losses = _losses(self.heads.logits(features, self._kept(rows.shape[1] * features.shape[2])), labels)
        _check_finite(self._material.head.name, losses, epoch)
        self._optimizer.zero_grad()
        torch.autograd.backward(losses.sum())
        self._optimizer.step()

    def _kept(self, count: int) -> Tensor | None:
        """What dropout multiplies the first layer's units with, `[h, count, units]`."""
        if self._settings["freeze_trunk"] or not self._settings["widths"]:
            return None
        shape = (count, self._settings["widths"][0])
        kept = [draws.dropout(shape, self._settings["dropout"]) for draws in self._draws]
        return torch.stack(kept)[self._places].to(self._material.head.device)

    @torch.no_grad()
    def on_val(self, epoch: int, monitor: str) -> Tensor:
        """What chooses the epoch, higher for better ones, `[h]`."""
        for draws in self._draws:
            draws.pass_over_val()
        logits = self.heads.logits(self._material.val.features.expand(len(self._places), -1, -1, -1))
        losses = _losses(logits, self._val)
        _check_finite(self._material.head.name, losses, epoch)
        if monitor == "val/loss":
            return -losses.cpu()
        return torch.stack([_auc(of_head, labels) for of_head, labels in zip(logits, self._val, strict=True)])

    def keep(self, which: Tensor) -> bool:
        """Leave the other heads out; returns whether any is left."""
        if not which.all() and which.any():
            self.heads.keep(which, self._optimizer)
            self._places, self._train, self._val = self._places[which], self._train[which], self._val[which]
        return bool(which.any())


@final
class _BestEpochs:
    """`BestEpoch` of several heads, of which those that no longer improve are left out."""

    def __init__(self, heads: StackedHeads, budget: Budget) -> None:
        count = len(heads.weights[0])
        self._heads, self._patience = heads, budget.patience
        self._running = torch.arange(count)
        self._value, self._epoch = torch.full((count,), float("-inf")), torch.full((count,), -1)
        self._weights = [weight.detach().clone() for weight in heads.weights]

    def improving(self, epoch: int, values: Tensor) -> Tensor:
        """Keep the weights of heads that are better than ever, and tell which of those that run are to go on."""
        running = self._running
        better = values > self._value[running]
        self._value[running[better]], self._epoch[running[better]] = values[better], epoch
        kept = better | (self._epoch[running] < 0)  # the last one, where val says nothing
        for own, weight in zip(self._weights, self._heads.weights, strict=True):
            own[running[kept]] = weight.detach()[kept]
        goes_on = better | (epoch - self._epoch[running] < self._patience)
        self._running = running[goes_on]
        return goes_on

    def put_back(self) -> None:
        """Give all heads the weights of their best epochs."""
        self._heads.weights = self._weights


def _losses(logits: Tensor, labels: Tensor) -> Tensor:
    """Cross-entropy by head, `[h]`."""
    return F.cross_entropy(logits.flatten(0, 1), labels.flatten(), reduction="none").view_as(labels).mean(dim=1)


def _check_finite(name: str, losses: Tensor, epoch: int) -> None:
    if not torch.isfinite(losses).all():
        raise diverged(name, losses[~torch.isfinite(losses)][0].item(), epoch)


def _auc(logits: Tensor, labels: Tensor) -> Tensor:
    metric = RawAUROC().to(logits.device)
    metric.update(logits[:, 1] - logits[:, 0], labels)
    return metric.compute().cpu()
