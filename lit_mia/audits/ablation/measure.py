"""What is measured at one point of an ablation: the heads of its audit and their blind controls."""

from pathlib import Path
from typing import final

import numpy as np

from datamodules.auxiliary import AuxiliaryDataModule
from lit_mia.attacks.base import Attack
from lit_mia.attacks.training import FixedBudget, controls_of
from lit_mia.audits.ablation.kept_heads import KeptHeads
from lit_mia.audits.ablation.points import Point
from lit_mia.audits.membership import MembershipAudit
from lit_mia.audits.membership.fidelity import fidelity
from lit_mia.cache import key_digest
from lit_mia.errors import PlanError
from lit_mia.metrics.roc import combine_seeds
from lit_mia.report.ablation.numbers import Head, PointScores, Scores
from lit_mia.report.ablation.rows import PointFacts
from lit_mia.targets.base import Target

MEASURED = ("val", "calibration")


@final
class Opened:
    """A point with its audit and its records without test.

    Args:
        point: The point.
        audit: Its audit.
        data: The audit's records over the store of its target.
    """

    def __init__(self, point: Point, audit: MembershipAudit, data: AuxiliaryDataModule) -> None:
        self.point, self.data = point, data
        self.attacks, self._audit = heads_of(audit), audit

    def measure(self, steps: int, fid: bool, kept: Path) -> PointScores:
        """Ask what is missing, train what was not trained yet, and score the measured splits.

        Args:
            steps: Optimiser steps of every head.
            fid: Whether FID is measured.
            kept: Folder of the scores of trained heads.
        """
        data = self.data
        asked = {head: made for attack in self.attacks for head, made in _with_blind(attack).items()}
        data.prepare(frozenset[str]().union(*(attack.inputs for attack in asked.values())))
        budget = self._audit.budget
        heads = KeptHeads(kept, data, FixedBudget(budget.seeds, steps, budget.accelerator, budget.devices))
        rows = [row for split in MEASURED for row in data.view.splits.rows[split]]
        return PointScores(
            facts=self._facts(fid),
            ids=np.array(data.view.known.ids)[rows],
            labels=np.array(data.view.known.members)[rows],
            groups=np.array(data.view.known.groups)[rows],
            scores={head: _combined(heads.scores(attack), data)[rows] for head, attack in asked.items()},
        )

    def _facts(self, fid: bool) -> PointFacts:
        data = self.data
        distances = fidelity(data, encoder=self._audit.fid_encoder) if fid else None
        return PointFacts(
            settings=dict(self.point.settings),
            n_train=len(data.train_rows),
            images_per_record=data.images_per_record,
            nfe_per_record=data.images_per_record * data.target.nfe_per_image,
            target=target_digest(data.target),
            fid_encoder=None if distances is None else distances["encoder"],
            fid_members=None if distances is None else distances["members"]["fid"],
            fid_nonmembers=None if distances is None else distances["non_members"]["fid"],
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
    return {(attack.name, "attack"): attack, (attack.name, "blind"): controls_of(attack)["blind"]}


def _combined(scores: Scores, data: AuxiliaryDataModule) -> Scores:
    """One score per record `[n]` from those of all seeds `[seeds, n]`, scaled as in an audit."""
    calibration = np.zeros(scores.shape[1], dtype=bool)
    calibration[list(data.view.splits.rows["calibration"])] = True
    return combine_seeds(scores, calibration)
