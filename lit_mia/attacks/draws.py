"""The random numbers of a fit alone by Lightning's Trainer, for fits that share a process with others."""

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import cast, final

import lightning as L
import torch
from torch import Tensor
from torch.nn import functional as F
from torch.utils.data import DataLoader

from lit_mia.pair_batch import PairBatch

RANDOM = threading.RLock()
"""Held by who uses PyTorch's random numbers, of which there is one state for all threads."""
_SHARED = 2**16
"""Most numbers of a draw of dropout that is kept for other heads of the shape: all together are up to 128 MB."""


@final
class Draws:
    """The random numbers of a fit alone: those of the CPU, wherever heads are trained.

    Args:
        seed: Where they begin.
    """

    def __init__(self, seed: int) -> None:
        with RANDOM:
            L.seed_everything(seed, workers=True, verbose=False)
            self._state = torch.get_rng_state()

    def dropout(self, shape: tuple[int, int], p: float) -> Tensor:
        """What units of some shape are multiplied with."""
        draw = _dropout if shape[0] * shape[1] <= _SHARED else _dropout.__wrapped__
        with RANDOM:
            kept, self._state = draw(shape, p, self._state.numpy().tobytes())
        return kept

    @contextmanager
    def used(self) -> Iterator[None]:
        """Go on with them."""
        with RANDOM:
            torch.set_rng_state(self._state)
            yield
            self._state = torch.get_rng_state()

    def order(self, loader: DataLoader[PairBatch], epoch: int) -> list[list[int]]:
        """Batches of an epoch, as places in the training records.

        Args:
            loader: The loader of a fit alone.
            epoch: Which, from 0.
        """
        with self.used():
            if epoch == 0 or not loader.persistent_workers:
                _begin_loader()
            return [list(rows) for rows in cast(Iterable[list[int]], loader.batch_sampler)]

    def pass_over_val(self) -> None:
        """Draw what a fit alone draws when it looks at val and calibration."""
        with self.used():
            _begin_loader()
            _begin_loader()


@lru_cache(maxsize=512)
def _dropout(shape: tuple[int, int], p: float, state: bytes) -> tuple[Tensor, Tensor]:
    """What dropout multiplies with, and the random numbers' state after it; heads of one shape and seed share both."""
    torch.set_rng_state(torch.frombuffer(bytearray(state), dtype=torch.uint8))
    return F.dropout(torch.ones(shape), p), torch.get_rng_state()


def _begin_loader() -> None:
    """Draw what a `DataLoader` draws whenever it is iterated, for workers."""
    torch.empty((), dtype=torch.int64).random_()
