"""Copies of a head that were trained with several seeds."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import partial
from typing import final

import numpy as np
import torch
from numpy.typing import NDArray

from lit_mia.attacks.base import Attack
from lit_mia.attacks.data import HeadDataModule
from lit_mia.attacks.threads import on_threads


class TrainedHeads(ABC):
    """Trained copies of one head, one for each seed."""

    @abstractmethod
    def scores(self, data: HeadDataModule) -> NDArray[np.float64]:
        """Raw scores `[seeds, n]` of all records of the table, in its order."""

    @abstractmethod
    def head(self, number: int) -> Attack:
        """One of them, alone."""


@final
class SingleHeads(TrainedHeads):
    """Copies that were trained one by one.

    Args:
        heads: One for each seed.
    """

    def __init__(self, heads: Sequence[Attack]) -> None:
        self._heads = heads

    def scores(self, data: HeadDataModule) -> NDArray[np.float64]:
        """See `TrainedHeads`."""
        jobs = [partial(score_all, head, data) for head in self._heads]
        return np.stack(on_threads(jobs, self._heads[0].device))

    def head(self, number: int) -> Attack:
        """See `TrainedHeads`."""
        return self._heads[number]


@torch.inference_mode()
def score_all(head: Attack, data: HeadDataModule) -> NDArray[np.float64]:
    """Raw scores `[n]` of all records of the table, in its order."""
    head.eval()
    return torch.cat([head.score(batch.to(head.device)) for batch in data.batches()]).double().cpu().numpy()
