"""Trains one head to what Lightning's Trainer would make of it, within rounding, on features that are read once.

The order of the records, the first weights and the epoch that is best on val are those of a Trainer. Its loaders and
hooks are saved; and on a CPU several heads learn at a time, each on one thread. (Channels-last convolutions would take
a quarter less, but their rounding grew to a tenth of the scores' spread in some fits, so they are not used.)
"""

from collections.abc import Iterator
from typing import final

import torch
from torch import Tensor
from torch.nn import functional as F

from lit_mia.attacks.base import Attack, make_optimizer
from lit_mia.attacks.budgets import BestWeights, Budget, FixedBudget
from lit_mia.attacks.draws import Draws
from lit_mia.attacks.failures import diverged, not_trained
from lit_mia.attacks.material import Material, Part
from lit_mia.attacks.threads import go_on
from lit_mia.batches import slices
from lit_mia.metrics.metric import RawAUROC


def fit_single(material: Material[Attack], budget: Budget | FixedBudget, seed: int) -> Attack:
    """Fit a head; it ends with the weights of its best epoch on val, or of its last step if the budget is fixed.

    Args:
        material: What it learns from.
        budget: How long.
        seed: Its seed.

    Raises:
        HeadError: If it diverges, or makes no step.
    """
    fit = _Fit(material, seed)
    if isinstance(budget, FixedBudget):
        budget.take(fit.epoch)
        return fit.head
    best = BestWeights()
    for number in range(budget.max_epochs):
        for _ in fit.epoch(number):
            pass
        improved = best.improves(fit.on_val(number, budget.monitor), number, fit.head)
        if not improved and number - best.epoch >= budget.patience:
            break
    best.put_back(fit.head)
    return fit.head


@final
class _Fit:
    """A head in training, with its optimiser."""

    def __init__(self, material: Material[Attack], seed: int) -> None:
        self._material, self._draws = material, Draws(seed)
        with self._draws.used():
            self.head = material.begun()
        self._frozen = bool(self.head.hparams.get("freeze_trunk"))
        self._optimizer = make_optimizer(self.head.hparams, self.head.parameters(), fused=True)

    def epoch(self, number: int) -> Iterator[None]:
        """Make the steps of an epoch, counted from 0."""
        order = self._draws.order(self._material.loader, number)
        if not order:
            raise not_trained(self.head.name, None, -1, batches=0)
        self.head.train()
        if self._frozen:
            self.head.trunk.eval()
        for rows in order:
            go_on()
            self._step(rows, number)
            yield

    def _step(self, rows: list[int], epoch: int) -> None:
        loss = F.cross_entropy(*self._of(self._material.train, rows))
        self._check_finite(loss, epoch)
        self._optimizer.zero_grad()
        torch.autograd.backward(loss)
        self._optimizer.step()

    @torch.no_grad()
    def on_val(self, epoch: int, monitor: str) -> float:
        """What chooses the epoch, higher for better ones."""
        self._draws.pass_over_val()
        self.head.eval()
        val, size = self._material.val, self._material.loader.batch_size
        logits = torch.cat([self._of(val, part)[0] for part in slices(len(val.member), size or 1)])
        loss = F.cross_entropy(logits, val.member)
        self._check_finite(loss, epoch)
        if monitor == "val/loss":
            return -loss.item()
        auc = RawAUROC().to(logits.device)
        auc.update(logits[:, 1] - logits[:, 0], val.member)
        return float(auc.compute())

    def _of(self, part: Part, rows: list[int] | slice) -> tuple[Tensor, Tensor]:
        """Logits and labels of some records."""
        return self.head.logits(part.features[rows]), part.member[rows]

    def _check_finite(self, loss: Tensor, epoch: int) -> None:
        if not torch.isfinite(loss):
            raise diverged(self.head.name, loss.item(), epoch)
