"""How a control is learned: by the attack's own kind of network and by gradient boosting; the stronger one counts."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lit_mia.attacks.base import Attack
from lit_mia.attacks.budgets import Budget
from lit_mia.attacks.controls.boosting import NAME, boosted_scores
from lit_mia.attacks.data import HeadDataModule
from lit_mia.attacks.learner import EachAlone, Learner
from lit_mia.metrics.auc import auc
from lit_mia.metrics.roc import combine_seeds


@dataclass(frozen=True, eq=False)
class Learned:
    """A control that was learned.

    Attributes:
        scores: `[seeds, n]`.
        learner: What learned it; None for the network.
    """

    scores: NDArray[np.float64]
    learner: str | None = None


@dataclass(frozen=True, eq=False)
class Selection:
    """Labels and rows of the records that a control learns from and is chosen on.

    Attributes:
        labels: 1 = member, 0 = non-member, `[n]`.
        train: Rows that are learned from.
        val: Rows that choose.
        calibration: Rows that fix the scale of the seeds.
    """

    labels: NDArray[np.int64]
    train: list[int]
    val: list[int]
    calibration: list[int]


def stronger_learner(
    head: Attack,
    data: HeadDataModule,
    budget: Budget,
    records: Selection,
    *,
    checkpoint: Path | None = None,
    learner: Learner | None = None,
) -> Learned:
    """Learn a control with both learners, and keep the one with the higher AUC on val; of equals the network.

    Gradient boosting cannot go on from a trained head, so it learns from the train split alone in any case. It draws
    nothing, so it has one seed.

    Args:
        head: The control, not built yet.
        data: A datamodule whose arrays are prepared.
        budget: Length and seeds of the network.
        records: What it learns from and is chosen on.
        checkpoint: Where the network of seed 0 is saved, whichever is stronger.
        learner: Trains the network, and makes the table for gradient boosting; `EachAlone` if not given.
    """
    learner = learner or EachAlone()
    trees = boosted_scores(learner.table(head, data, len(records.train)), records.labels, records.train)
    if not learner.trains(head, data):
        return Learned(trees[None], NAME)
    network = learner.network(head, data, budget, checkpoint)
    calibration = np.isin(np.arange(len(trees)), records.calibration)
    on_val = [
        auc(scores[records.val], records.labels[records.val]) for scores in (combine_seeds(network, calibration), trees)
    ]
    return Learned(trees[None], NAME) if on_val[1] > on_val[0] else Learned(network)
