"""Losses of a fixed sample of records in the midst of a training, which does not notice it."""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol, final, runtime_checkable

import lightning as L
import numpy as np
import torch
from lightning.pytorch.utilities.data import extract_batch_size
from lightning.pytorch.utilities.seed import isolate_rng
from torch import Tensor
from torch.utils.data import RandomSampler

from lit_mia.errors import TrainingError
from lit_mia.metrics.roc import FloatArray
from lit_mia.records import MEMBER, NON_MEMBER
from lit_mia.report.leak import Measured
from lit_mia.training_batch import ProbeBatch

LossFunction = Callable[[L.LightningModule, Any, Sequence[int]], Tensor]
"""Losses of the records of a batch under a module, `[b, k]`, given a seed for each record."""
_SPARE = -1
"""The place of a batch that is measured only so that all processes measure equally many."""


@runtime_checkable
class HasProbeLosses(Protocol):
    """A LightningModule that tells losses of single records."""

    def probe_losses(self, batch: Any, seeds: Sequence[int]) -> Tensor:
        """Losses of the records of a batch, `[b, k]`; what is random about a record's follows from its seed alone."""


@runtime_checkable
class HasProbeBatches(Protocol):
    """Data that say which records a training is watched on."""

    def probe_batches(self, member: bool, most: int) -> Iterator[ProbeBatch]:
        """At most so many of the records that are trained on, or of those held out: the same ones at every call."""


@final
@dataclass(frozen=True)
class Loaders:
    """Two data loaders, or other collections of batches, as the records that a training is watched on.

    Attributes:
        members: Batches of records that are trained on. A `ProbeBatch` names its records and their groups; in any other
            batch they are named by their place, and each is a group of its own.
        held_out: Batches of records that are not.
    """

    members: Iterable[Any]
    held_out: Iterable[Any]

    def __post_init__(self) -> None:
        """Refuse batches that are not the same at every reading.

        Raises:
            TrainingError: If a loader shuffles, or can be read only once.
        """
        for name, loader in (("members", self.members), ("held_out", self.held_out)):
            samplers = (
                getattr(loader, "sampler", None),
                getattr(getattr(loader, "batch_sampler", None), "sampler", None),
            )
            if any(isinstance(sampler, RandomSampler) for sampler in samplers):
                raise TrainingError(f"`{name}` shuffles, but records are named by their place. Set `shuffle=False`.")
            if isinstance(loader, Iterator):
                raise TrainingError(f"`{name}` can be read only once. Give a DataLoader, or a list of batches.")

    def probe_batches(self, member: bool, most: int) -> Iterator[ProbeBatch]:
        """Whole batches until there are `most` records."""
        count, side = 0, "member" if member else "held-out"
        for batch in self.members if member else self.held_out:
            if count >= most:
                return
            probed = batch if isinstance(batch, ProbeBatch) else _named(batch, side, count)
            count += len(probed.ids)
            yield probed


def measure(
    trainer: L.Trainer, data: HasProbeBatches, *, losses: LossFunction, probes: Sequence[str] | None, most: int
) -> Measured:
    """The losses of the sample, the same on every process.

    Processes share the batches and make equally many forward passes, so that none waits for another for ever. Modes of
    the modules and all random numbers are afterwards as they were. Gradients are off; inference mode is not on, as what
    a module keeps of a forward pass could not be trained with.

    Args:
        trainer: The trainer.
        data: The records.
        losses: What is measured.
        probes: What the k losses are called; None: by their numbers.
        most: Most records of each side.

    Raises:
        TrainingError: If the losses are not `[b, k]`, `probes` are not k, or there is no record.
    """
    world, rank = trainer.world_size, trainer.global_rank
    seen: list[tuple[int, ProbeBatch]] = []
    own: dict[int, Tensor] = {}
    with _undisturbed(trainer.lightning_module):
        for place, (member, probed) in enumerate(_both_sides(data, most)):
            seen.append((member, probed._replace(batch=None)))
            if place % world == rank:
                own[place] = _losses_of(trainer, losses, probed)
        if rank >= len(seen) % world > 0:  # the others have one batch more
            own[_SPARE] = _losses_of(trainer, losses, probed)
    if not seen:
        raise TrainingError("There is no record to watch: `members` and `held_out` hold none.")
    found = _shared(trainer, [len(probed.ids) for _, probed in seen], own)
    names = tuple(probes or map(str, range(1, found.shape[1] + 1)))
    if len(names) != found.shape[1]:
        raise TrainingError(f"`probes` names {[*names]}, but there are {found.shape[1]} losses of each record.")
    return Measured(
        ids=tuple(name for _, probed in seen for name in probed.ids),
        groups=tuple(group for _, probed in seen for group in probed.groups),
        members=np.array([label for label, probed in seen for _ in probed.ids], dtype=np.int64),
        losses=found,
        probes=names,
    )


def passes(trainer: Any, batches: int) -> float:
    """How often the trained-on records have been passed over.

    Args:
        trainer: The trainer; a datamodule with a method `passes` says it itself.
        batches: Batches of this epoch so far.
    """
    own = getattr(getattr(trainer, "datamodule", None), "passes", None)
    return float(own()) if own else trainer.current_epoch + batches / trainer.num_training_batches


def _named(batch: Any, side: str, start: int) -> ProbeBatch:
    ids = tuple(f"{side}-{place}" for place in range(start, start + extract_batch_size(batch)))
    return ProbeBatch(batch, ids, ids)


def _both_sides(data: HasProbeBatches, most: int) -> Iterator[tuple[int, ProbeBatch]]:
    for label in (MEMBER, NON_MEMBER):
        yield from ((label, probed) for probed in data.probe_batches(label == MEMBER, most))


@contextmanager
def _undisturbed(module: L.LightningModule) -> Iterator[None]:
    modes = [(part, part.training) for part in module.modules()]
    module.eval()
    try:
        with isolate_rng(), torch.no_grad():
            torch.manual_seed(0)
            yield
    finally:
        for part, mode in modes:
            part.training = mode


def _losses_of(trainer: L.Trainer, losses: LossFunction, probed: ProbeBatch) -> Tensor:
    """Computed in the precision and on the device of the training, `[b, k]` float32."""
    batch = trainer.strategy.batch_to_device(trainer.precision_plugin.convert_input(probed.batch))
    seeds = [int.from_bytes(hashlib.sha256(name.encode()).digest()[:6]) for name in probed.ids]
    with trainer.precision_plugin.forward_context():
        found = losses(trainer.lightning_module, batch, seeds)
    if not isinstance(found, Tensor) or found.ndim != 2 or len(found) != len(seeds) or not found.shape[1]:
        shape = tuple(found.shape) if isinstance(found, Tensor) else type(found).__name__
        raise TrainingError(
            f"The losses of {len(seeds)} records must be [{len(seeds)}, k], a row for each record, but are {shape}. "
            "Take no mean over the batch."
        )
    return found.detach().float()


def _shared(trainer: L.Trainer, sizes: Sequence[int], own: dict[int, Tensor]) -> FloatArray:
    """The losses of all processes, `[n, k]`."""
    some = next(iter(own.values()))
    parts = [own.get(place, some.new_zeros(size, some.shape[1])) for place, size in enumerate(sizes)]
    summed: Tensor = trainer.strategy.reduce(torch.cat(parts), reduce_op="sum")
    whole: FloatArray = summed.double().cpu().numpy()
    return whole
