"""What is measured at one point of an ablation: the heads of its audit and their blind controls.

Scores of heads are kept under everything that made them, so that an ablation that was interrupted goes on.
"""

import hashlib
from importlib.metadata import version
from pathlib import Path
from typing import final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from datamodules import AuditDataModule, AuxiliaryDataModule
from lit_mia.attacks import (
    Attack,
    FixedBudget,
    batched,
    budgets,
    check_varies,
    controls_of,
    material,
    networks,
    same_training,
    stacked,
    train_seeds,
    training,
)
from lit_mia.audits.ablation.points import Point
from lit_mia.audits.membership import MembershipAudit
from lit_mia.audits.membership.encoder_checks import fidelity
from lit_mia.audits.membership.scorer import inputs_of
from lit_mia.errors import PlanError
from lit_mia.features import operations
from lit_mia.files import cached_rows, code_digest, key_digest
from lit_mia.metrics.roc import combine_seeds
from lit_mia.report.ablation import Head, PointFacts, PointScores
from lit_mia.report.membership.schema import Fidelity
from lit_mia.targets.base import Target

MEASURED = ("val",)
PACKAGES = ("lit-mia", "torch", "lightning")
HELPERS = (networks, training, budgets, material, stacked, batched, operations)
"""What a head is made by besides its class."""


def measured(
    point: Point, audit: MembershipAudit, data: AuxiliaryDataModule, *, steps: int, fid: bool, kept: Path
) -> PointScores:
    """Ask what is missing, train what was not trained yet, and score the measured splits.

    Args:
        point: The point.
        audit: Its audit.
        data: The audit's records without test, over the store of its target.
        steps: Optimiser steps of every head.
        fid: Whether FID is measured.
        kept: Folder of the scores of trained heads.
    """
    asked = {head: made for attack in heads_of(audit) for head, made in _with_blind(attack).items()}
    data.prepare(inputs_of(asked.values()))
    budget = FixedBudget(audit.budget.seeds, steps, audit.budget.accelerator, audit.budget.devices)
    heads = KeptHeads(kept, data, budget)
    known, splits = data.view.known, data.view.splits.rows
    rows = [row for split in MEASURED for row in splits[split]]
    chooses = np.isin(np.arange(len(known)), rows)
    scores = {head: heads.scores(attack) for head, attack in asked.items()}
    for (name, kind), of_head in scores.items():
        if kind == "attack":
            check_varies(name, of_head, rows, "Look at `steps`, `lr` and what the target answered.")
    return PointScores(
        facts=_facts(point, data, fidelity(data, encoder=audit.fid_encoder) if fid else None),
        ids=np.array(known.ids)[rows],
        labels=np.array(known.members)[rows],
        groups=np.array(known.groups)[rows],
        scores={head: combine_seeds(of_head, chooses)[rows] for head, of_head in scores.items()},
    )


def heads_of(audit: MembershipAudit) -> list[Attack]:
    """The heads that an audit trains.

    Raises:
        PlanError: If it holds attacks that are not trained.
    """
    heads = [attack for attack in audit.attacks if isinstance(attack, Attack)]
    if len(heads) < len(audit.attacks):
        raise PlanError(
            "An ablation with `audit` varies trained heads, but some of this audit's attacks are training-free. Name "
            "others by `attacks`; measure those at many settings by a sweep with `data` and `attacks`, e.g. "
            "ablation/t_sweep."
        )
    return heads


def pairs_of(audit: MembershipAudit) -> AuxiliaryDataModule:
    """The records of an audit of trained heads.

    Raises:
        PlanError: If its datamodule is of another kind.
    """
    if not isinstance(audit.data, AuxiliaryDataModule):
        raise PlanError(f"An ablation needs an AuxiliaryDataModule, but the audit's is {type(audit.data).__name__}.")
    return audit.data


def target_digest(target: Target) -> str:
    """The first 16 digits of the digest of a target's fingerprint."""
    return key_digest(target.fingerprint())[:16]


def _with_blind(attack: Attack) -> dict[Head, Attack]:
    """The attack and its control without the target."""
    return {(attack.name, "attack"): attack, (attack.name, "blind"): controls_of(attack, captioned=False)["blind"]}


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
        present = {} if data.arrays is None else {"member": data.arrays.member, **data.arrays.inputs}
        self._digests = {name: _digest(array) for name, array in present.items()}

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
        return np.array(
            cached_rows(
                self._folder,
                made_by,
                self._budget.seeds,
                np.float64,
                chunks=lambda: iter([train_seeds(attack, self._data, self._budget)]),
            )
        )


def _digest(array: ArrayLike) -> str:
    return hashlib.sha256(np.ascontiguousarray(array).data).hexdigest()


def _facts(point: Point, data: AuxiliaryDataModule, distances: Fidelity | None) -> PointFacts:
    return PointFacts(
        settings=dict(point.settings),
        n_train=len(data.train_rows),
        images_per_record=data.images_per_record,
        nfe_per_record=data.images_per_record * data.target.nfe_per_image,
        target=target_digest(data.target),
        fid_encoder=None if distances is None else distances["encoder"],
        fid_members=None if distances is None else distances["members"]["fid"],
        fid_nonmembers=None if distances is None else distances["non_members"]["fid"],
    )
