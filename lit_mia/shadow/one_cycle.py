"""The optimiser of trainings whose learning rate rises and falls once."""

from collections.abc import Iterable
from typing import Any

import torch
from lightning.pytorch.utilities.types import OptimizerLRScheduler
from torch import nn


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
