"""Trained heads at many points of an audit's config, measured on val and calibration, never on test."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import final

import numpy as np

from datamodules.auxiliary import AuxiliaryDataModule
from lit_mia.attacks.base import Attack
from lit_mia.attacks.controls import controls_of
from lit_mia.attacks.training import FixedBudget
from lit_mia.audit.audit import Audit
from lit_mia.audit.fidelity import fidelity
from lit_mia.audit.head_rows import HeadRows
from lit_mia.audit.kept_heads import KeptHeads
from lit_mia.cache import key_digest
from lit_mia.cost import Cost, Estimate
from lit_mia.errors import PlanError
from lit_mia.metrics.seeds import combine_seeds
from lit_mia.records import MEMBER, NON_MEMBER
from lit_mia.report.ablation import AblationReport, Label, PointFacts, short
from lit_mia.report.ablation_numbers import Head, PointScores, Scores, on_common_records, rows_of, summaries_of
from lit_mia.targets.base import Target

MEASURED = ("val", "calibration")


@dataclass(frozen=True)
class Point:
    """One point of an ablation.

    Attributes:
        settings: Key → label of its value.
        make: Makes the point's audit anew, so that its target is loaded only while it is needed.
    """

    settings: Mapping[str, Label]
    make: Callable[[], Audit]


@final
class Ablation:
    """Measures the heads of an audit, and their blind controls, at many points.

    The test split is taken away before anything is asked. Points that ask the same target share its store; a target
    other than the audit's own has one below the audit's. Heads are trained for a fixed number of steps, because val
    is measured and may not choose an epoch.

    Args:
        base: The audit that is varied.
        points: The points; there is at least one.
        axis: The setting on the x axis.
        steps: Optimiser steps of every head.
        baseline: Value of the axis to which differences are taken.
        baseline_attack: Attack to which the others' differences are taken at the same point, instead.
        fid: Whether FID is measured at every point, by the audit's `fid_encoder`.

    Raises:
        PlanError: If a point is no audit of trained heads, if it asks another remote target than the audit, or if a
            baseline is not measured.
    """

    def __init__(
        self,
        base: Audit,
        points: Sequence[Point],
        axis: str,
        steps: int,
        baseline: Label | None = None,
        baseline_attack: str | None = None,
        fid: bool = False,
    ) -> None:
        self.points, self.axis, self._steps, self._fid = list(points), axis, steps, fid
        self.baseline, self.baseline_attack = baseline, baseline_attack
        self._base = _auxiliary(base)
        self._own = _digest(self._base.target)
        attacks = [attack.name for attack in _heads(base).attacks]
        for point in points:
            audit = point.make()
            attacks += [attack.name for attack in _heads(audit).attacks]
            self._check_budget(point, _auxiliary(audit).target)
        _check_baseline("baseline", baseline, [point.settings[axis] for point in points])
        _check_baseline("baseline_attack", baseline_attack, attacks)

    @property
    def folder(self) -> Path:
        """Where the stores of other targets and the scores of trained heads are."""
        return self._base.store_path / "ablation"

    def estimate(self) -> dict[str, Estimate]:
        """What the missing queries would cost, by target, or first those for records; asks nothing."""
        if drawing := self._base.source.estimates():
            return drawing
        targets: dict[str, list[AuxiliaryDataModule]] = {}
        names: dict[str, list[str]] = {}
        for point, _, data in self._opened():
            target = _digest(data.target)
            targets.setdefault(target, []).append(data)
            names.setdefault(target, []).append(str(point.settings[self.axis]))
        return {
            f"target {target} ({short(self.axis)} {', '.join(dict.fromkeys(names[target]))})": first.estimate(*others)
            for target, (first, *others) in targets.items()
        }

    def run(self) -> AblationReport:
        """Ask what is missing, train what was not trained yet, and measure."""
        measured, stores, cost = [], {}, Cost()
        for number, (point, audit, data) in enumerate(self._opened(), 1):
            measured.append(self._measure(point, audit, data))
            stores[measured[-1].facts.target] = data.store_digest()
            cost = cost + data.cost
            print(f"{number}/{len(self.points)} {_words(point.settings)}: measured", flush=True)
        points = on_common_records(measured)
        return AblationReport(
            axis=self.axis,
            rows=tuple(rows_of(points)),
            summary=tuple(summaries_of(points, self.axis, self.baseline, self.baseline_attack)),
            n_members=int(np.sum(points[0].labels == MEMBER)),
            n_nonmembers=int(np.sum(points[0].labels == NON_MEMBER)),
            baseline=self.baseline if self.baseline_attack is None else self.baseline_attack,
            splits=MEASURED,
            split_digest=self._base.splits.digest,
            stores=stores,
            cost=cost,
        )

    def _check_budget(self, point: Point, target: Target) -> None:
        """Refuse a remote target with a store of its own, where it would have the whole budget once more."""
        if target.remote and _digest(target) != self._own:
            raise PlanError(
                f"At {_words(point.settings)} the remote target {target.name!r} is another than the audit's. Its "
                "answers and its account would be in a store of their own, so that the budget would hold for each "
                "store, not for all together. Vary other settings, or audit each remote target on its own."
            )

    # ------------------------------------------------------------------ points

    def _opened(self) -> Iterator[tuple[Point, Audit, AuxiliaryDataModule]]:
        """Each point with its audit and its records without test, one after another."""
        for point in self.points:
            audit = point.make()
            yield point, audit, self._without_test(point, _auxiliary(audit))

    def _without_test(self, point: Point, data: AuxiliaryDataModule) -> AuxiliaryDataModule:
        """The point's datamodule over the store of its target.

        Raises:
            PlanError: If its records or splits are not those of the audit.
        """
        digest = _digest(data.target)
        store = self._base.store_path if digest == self._own else self.folder / digest
        if data.store_path != store:
            data = data.answered_by(data.target, str(store))
        data.prepare_data()
        if data.splits.digest != self._base.splits.digest:
            raise PlanError(
                f"At {_words(point.settings)} the records or their splits are not those of the audit, so its scores "
                "cannot be compared. Vary the target, its answers or the heads; audit other records on their own."
            )
        data.leave_out_test()
        return data

    def _measure(self, point: Point, audit: Audit, data: AuxiliaryDataModule) -> PointScores:
        heads = _heads(audit)
        asked = {head: attack for attack in heads.attacks for head, attack in _with_blind(attack).items()}
        data.prepare(frozenset[str]().union(*(attack.inputs for attack in asked.values())))
        budget = FixedBudget(heads.budget.seeds, self._steps, heads.budget.accelerator, heads.budget.devices)
        kept = KeptHeads(self.folder / "heads", data, budget)
        rows = [row for split in MEASURED for row in data.splits.rows[split]]
        return PointScores(
            facts=self._facts(point, audit, data),
            ids=np.array(data.known.ids)[rows],
            labels=np.array(data.known.members)[rows],
            groups=np.array(data.known.groups)[rows],
            scores={head: _combined(kept.scores(attack), data)[rows] for head, attack in asked.items()},
        )

    def _facts(self, point: Point, audit: Audit, data: AuxiliaryDataModule) -> PointFacts:
        images = data.images_per_record
        distances = fidelity(data, encoder=audit.fid_encoder) if self._fid else None
        return PointFacts(
            settings=dict(point.settings),
            n_train=len(data.train_rows),
            images_per_record=images,
            nfe_per_record=images * data.target.nfe_per_image,
            target=_digest(data.target),
            fid_encoder=None if distances is None else distances["encoder"],
            fid_members=None if distances is None else distances["members"]["fid"],
            fid_nonmembers=None if distances is None else distances["non_members"]["fid"],
        )


def _heads(audit: Audit) -> HeadRows:
    """What trains the heads of an audit.

    Raises:
        PlanError: If the audit trains none.
    """
    if not isinstance(audit.maker, HeadRows):
        raise PlanError(
            "An ablation with `audit` varies trained heads, but this audit's attacks are training-free. Measure those "
            "at many settings by a sweep with `data` and `attacks`, e.g. ablation/t_sweep."
        )
    return audit.maker


def _auxiliary(audit: Audit) -> AuxiliaryDataModule:
    if not isinstance(audit.data, AuxiliaryDataModule):
        raise PlanError(f"An ablation needs an AuxiliaryDataModule, but the audit's is {type(audit.data).__name__}.")
    return audit.data


def _with_blind(attack: Attack) -> dict[Head, Attack]:
    """The attack and its control without the target."""
    return {(attack.name, "attack"): attack, (attack.name, "blind"): controls_of(attack)["blind"]}


def _combined(scores: Scores, data: AuxiliaryDataModule) -> Scores:
    """One score per record `[n]` from those of all seeds `[seeds, n]`, scaled as in an audit."""
    calibration = np.zeros(scores.shape[1], dtype=bool)
    calibration[list(data.splits.rows["calibration"])] = True
    return combine_seeds(scores, calibration)


def _digest(target: Target) -> str:
    return key_digest(target.fingerprint())[:16]


def _words(settings: Mapping[str, Label]) -> str:
    return ", ".join(f"{short(key)} = {value}" for key, value in settings.items())


def _check_baseline(name: str, given: Label | None, measured: Sequence[Label]) -> None:
    if given is not None and given not in measured:
        raise PlanError(
            f"`{name}` must be one of {', '.join(map(str, dict.fromkeys(measured)))}, but got {str(given)!r}."
        )
