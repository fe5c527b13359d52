"""Scores of heads, kept under everything that made them, so that an ablation that was interrupted goes on."""

import hashlib
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import final

import numpy as np
from numpy.typing import NDArray

from datamodules.base import AuditDataModule
from datamodules.pairs import PairArrays
from lit_mia.attacks import networks, training
from lit_mia.attacks.base import Attack
from lit_mia.attacks.training import FixedBudget, same_training, train_seeds
from lit_mia.features import operations
from lit_mia.files import cached_rows, code_digest

PACKAGES = ("lit-mia", "torch", "lightning")
HELPERS = (networks, training, operations)
"""What a head is made by besides its class."""


@final
class KeptHeads:
    """Trains a head only if no equal head was ever trained by equal code on equal arrays, at any point of any ablation.

    A control without the target is therefore trained once for all points that ask another target.

    Args:
        folder: Where the scores are kept.
        data: A datamodule whose arrays are prepared.
        budget: Steps and seeds.
    """

    def __init__(self, folder: Path, data: AuditDataModule, budget: FixedBudget) -> None:
        self._folder, self._data, self._budget = folder, data, budget
        self._digests = {} if data.arrays is None else _digests(data.arrays)

    def scores(self, attack: Attack) -> NDArray[np.float64]:
        """Raw scores `[seeds, n]` of all records of the datamodule's table."""
        made_by = {
            "head": same_training(attack),
            "code": code_digest(type(attack), *HELPERS),
            "arrays": {name: self._digests[name] for name in ("member", *sorted(attack.inputs))},
            "train": self._data.train_rows,
            "batch_size": self._data.loading.batch_size,
            "budget": [self._budget.seeds, self._budget.steps, self._budget.devices],
            "versions": {name: version(name) for name in PACKAGES},
        }

        def trained() -> Iterator[NDArray[np.float64]]:
            yield train_seeds(attack, self._data, self._budget)

        return np.array(cached_rows(self._folder, made_by, self._budget.seeds, np.float64, chunks=trained))


def _digests(arrays: PairArrays) -> dict[str, str]:
    """SHA-256 of each array that is there."""
    present = {"member": arrays.member, **arrays.inputs}
    return {name: hashlib.sha256(np.ascontiguousarray(array).data).hexdigest() for name, array in present.items()}
