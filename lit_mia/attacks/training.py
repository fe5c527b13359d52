"""Trains heads for an audit: every head and every control with one budget and the same seeds."""

import copy
import json
import logging
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import lightning as L
import numpy as np
import torch
from numpy.typing import NDArray

from lit_mia.attacks.base import Attack
from lit_mia.attacks.batched import fit_together
from lit_mia.attacks.budgets import Budget, FixedBudget, trainer_of
from lit_mia.attacks.checkpoints import Start
from lit_mia.attacks.data import HeadDataModule
from lit_mia.attacks.material import Material, fits_singly, fits_together
from lit_mia.attacks.semantic import MlpAttack
from lit_mia.attacks.single import fit_single
from lit_mia.attacks.threads import on_threads
from lit_mia.attacks.trained import SingleHeads, TrainedHeads, score_all
from lit_mia.errors import HeadError
from lit_mia.queries.progress import progress

_Job = tuple[int, Callable[[], TrainedHeads]]  # with the number of the head whose copies it trains
TOGETHER = 16
"""Heads that `train_batch` trains at once: more do not fit into the caches of a CPU."""


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
    (together,) = train_together([(attack, data)], budget)
    if together is not None:
        return scored_and_kept(together, data, budget, checkpoint)
    scores = []
    for seed in range(budget.seeds):
        head = copy.deepcopy(attack)
        with quiet():
            trainer = fit_head(head, data, budget, seed)
            if seed == 0 and checkpoint is not None:
                trainer.save_checkpoint(checkpoint)
        scores.append(score_all(head, data))
    return np.stack(scores)


def train_together(
    heads: Sequence[tuple[Attack, HeadDataModule]], budget: Budget | FixedBudget
) -> list[TrainedHeads | None]:
    """Train copies of several heads with seeds 0, 1, …, on a CPU several at a time.

    Args:
        heads: Heads, not built yet, which are left as they are, and their datamodules, whose arrays are prepared.
        budget: Length and seeds.

    Returns:
        The trained copies of each head; None of one that cannot be trained so.
    """
    with quiet():
        trainer = trainer_of(budget)
        device = trainer.strategy.root_device
        singly, together = list[_Job](), list[_Job]()
        for number, (head, data) in enumerate(heads if trainer.world_size == 1 else ()):
            if fits_together(head, data):
                together.append((number, partial(_stacked, head, data, budget, device)))
            elif fits_singly(head, data):
                singly += [(number, partial(_single, head, data, budget, device, of)) for of in range(budget.seeds)]
        jobs = singly + together  # the longest first
        with progress("train heads", len(jobs), "trainings") as bar:
            found = on_threads([job for _, job in jobs], device, told=bar.update)
    made: list[list[TrainedHeads]] = [[] for _ in heads]
    for (number, _), trained in zip(jobs, found, strict=True):
        made[number].append(trained)
    return [_joined(of_head) for of_head in made]


def _stacked(head: MlpAttack, data: HeadDataModule, budget: Budget | FixedBudget, device: torch.device) -> TrainedHeads:
    return fit_together(Material(head, data, device), budget, range(budget.seeds))


def _single(
    head: Attack, data: HeadDataModule, budget: Budget | FixedBudget, device: torch.device, seed: int
) -> TrainedHeads:
    return SingleHeads([fit_single(Material(head, data, device), budget, seed)])


def _joined(parts: Sequence[TrainedHeads]) -> TrainedHeads | None:
    """The copies of one head, of all its jobs."""
    return parts[0] if len(parts) == 1 else SingleHeads([part.head(0) for part in parts]) if parts else None


def scored_and_kept(
    heads: TrainedHeads, data: HeadDataModule, budget: Budget | FixedBudget, checkpoint: Path | None
) -> NDArray[np.float64]:
    """Raw scores `[seeds, n]` of all records of the table by trained copies of a head.

    Args:
        heads: The copies.
        data: The datamodule that they were trained on.
        budget: Length and seeds.
        checkpoint: Where the first copy is saved.
    """
    if checkpoint is not None:
        with quiet():
            trainer = trainer_of(budget)
            trainer.validate(heads.head(0), datamodule=data, verbose=False)  # for the calibration scores
            trainer.save_checkpoint(checkpoint)
    return heads.scores(data)


def train_batch(
    head: MlpAttack,
    data: HeadDataModule,
    budget: Budget | FixedBudget,
    seeds: Sequence[int],
    labels: NDArray[np.int64] | None = None,
) -> NDArray[np.float64]:
    """Train copies of a head together, such as one for each permutation of the labels, and score all records.

    Args:
        head: The head, not built yet; it is left as it is.
        data: A datamodule whose arrays are prepared.
        budget: Length; its number of seeds does not count.
        seeds: Seed of each copy; several copies may have the same.
        labels: Labels by copy and row that take the place of the records' own, `[b, n]`.

    Returns:
        Raw scores `[b, n]` of all records of the table.

    Raises:
        HeadError: If the labels are not of these copies and records, or a head diverges.
    """
    if labels is not None and labels.shape != (len(seeds), len(data.table)):
        raise HeadError(
            f"Labels are needed of {len(data.table)} records for each of {len(seeds)} heads, but their shape is "
            f"{labels.shape}."
        )
    with quiet():
        material = Material(head, data, trainer_of(budget).strategy.root_device)
    parts = [slice(start, start + TOGETHER) for start in range(0, len(seeds), TOGETHER)]
    given = [None if labels is None else labels[part] for part in parts]
    fits = (fit_together(material, budget, seeds[part], of) for part, of in zip(parts, given, strict=True))
    return np.concatenate([heads.scores(data) for heads in fits])


def fit_head(head: Attack, data: HeadDataModule, budget: Budget | FixedBudget, seed: int) -> L.Trainer:
    """Fit one head; it ends with the weights of its best epoch on val, or of its last step if the budget is fixed."""
    L.seed_everything(seed, workers=True, verbose=False)
    trainer = trainer_of(budget)
    trainer.fit(head, datamodule=data)
    return trainer


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


def same_training(attack: Attack) -> str:
    """A key that two heads share if they would be trained to the same scores on the same data.

    Raises:
        HeadError: If the head starts from a checkpoint that is not there.
    """
    settings, start = dict(sorted(attack.hparams.items())), Start.of(attack.hparams)
    return json.dumps([type(attack).__name__, settings | ({"init_from": start.digest} if start else {})], default=list)


def is_first(budget: Budget | FixedBudget) -> bool:
    """Whether this process is the first of those that train every head together: it alone keeps and tells."""
    with quiet():
        return budget.devices == 1 or trainer_of(budget).is_global_zero


def leave_to_first(budget: Budget | FixedBudget) -> None:
    """End this process, if it only helped to train; what follows is done once."""
    if not is_first(budget):
        sys.exit(0)


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
