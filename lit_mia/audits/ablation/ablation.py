"""Trained heads at many points of an audit's config, measured on val, never on calibration or test."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Any, final

import numpy as np

from datamodules import AuxiliaryDataModule
from lit_mia.attacks.checkpoints import Start
from lit_mia.attacks.training import is_first, leave_to_first
from lit_mia.audits.ablation.measure import MEASURED, heads_of, measured, pairs_of, target_digest
from lit_mia.audits.ablation.points import Grid, Point, check_grids, label, points_of, varied_config
from lit_mia.audits.base import Audit, Run
from lit_mia.audits.making import maker
from lit_mia.audits.membership import MembershipAudit
from lit_mia.audits.membership.machine import check_machine
from lit_mia.cost import Cost, Estimate
from lit_mia.errors import PlanError
from lit_mia.queries.progress import progress, say
from lit_mia.ranges import at_least, check
from lit_mia.records import MEMBER, NON_MEMBER
from lit_mia.report.ablation import AblationResult, Label, PointScores, on_common_records, rows_of, short, summaries_of
from lit_mia.splits import LEARNED


@final
class Ablation(Audit):
    """Measures the trained heads of an audit, and their blind controls, at many points, on val alone.

    A key is a dotted place in the audit's config, such as `data.init_args.train_fraction`; the blocks of a list go by
    their class, or by `*` for all of them: `attacks.*.init_args.operation`.

    The test split is taken away before anything is asked. Points that ask the same target share its store; a target
    other than the audit's own has one below the audit's.

    Args:
        audit: The config of the audit that is varied; in a file, its path or the name of a shipped one.
        axis: The key on the x axis. All other keys are repetitions, over which mean and range are taken.
        points: Grids of key → values, as of scikit-learn's `ParameterGrid`. A value may be a number, a text, a whole
            block, or the file of a block.
        steps: Optimiser steps of every head, the same at every point. No epoch is chosen, so that val can be measured.
        attacks: Names of the audit's attacks that are measured, e.g. `II-S`; all of them if not given.
        baseline: Value of the axis to which differences are taken.
        baseline_attack: Name of the attack to which the others' differences are taken at the same points, instead.
        fid: Whether FID is measured at every point, by the audit's `fid_encoder`.
    """

    def __init__(
        self,
        audit: dict[str, Any],
        axis: str,
        points: list[Grid],
        steps: int = 200,
        attacks: list[str] | None = None,
        baseline: int | float | str | None = None,
        baseline_attack: str | None = None,
        fid: bool = False,
    ) -> None:
        """Check everything, and ask nothing.

        Raises:
            PlanError: If a point is no audit of trained heads, if it asks another remote target than the audit, or if
                a baseline is not measured.
        """
        check_grids(points, axis)
        check(PlanError, at_least(1)(steps=steps))
        if baseline is not None and baseline_attack is not None:
            raise PlanError("Give `baseline` or `baseline_attack`, not both: differences are taken to one of them.")
        self.config = varied_config(audit, attacks)
        self.points = points_of(self.config, points)
        varied = maker(MembershipAudit, self.config)()
        self._base, self._budget = pairs_of(varied), varied.budget
        self._own = target_digest(self._base.target)
        self.axis, self._steps, self._fid = axis, steps, fid
        self.baseline: Label | None = None if baseline is None else label(baseline)
        self.baseline_attack = baseline_attack
        names = [attack.name for point in self.points for attack in heads_of(self._checked(point))]
        _check_baseline("baseline", self.baseline, [point.settings[axis] for point in self.points])
        _check_baseline("baseline_attack", baseline_attack, names)

    @property
    def devices(self) -> int:
        """Processes that train each head."""
        return self._budget.devices

    @property
    def folder(self) -> Path:
        """Where the stores of other targets and the scores of trained heads are."""
        return self._base.store_path / "ablation"

    def estimate(self) -> dict[str, Estimate]:
        """What the missing queries would cost, by target, or first those for records; asks nothing."""
        if drawing := self._base.source.estimates():
            return drawing
        return {name: first.estimate(*others) for name, (first, *others) in self._by_target().items()}

    def query(self) -> dict[str, Cost]:
        """Fill the stores with what is missing."""
        targets = self._by_target()
        for data in chain(*targets.values()):
            data.query()
        spent = {name: sum((data.cost for data in points), Cost()) for name, points in targets.items()}
        return spent | self._base.source.costs()

    def run(self, run: Run) -> AblationResult:
        """Ask what is missing, train what was not trained yet, and measure."""
        scores, stores, cost = list[PointScores](), dict[str, str](), Cost()
        with progress("measure points", len(self.points), "points") as bar:
            for point, audit, data in bar.over(self._opened()):
                check_machine((data,), audit.budget, audit.fid_encoder)
                kept = self.folder / "heads"
                scores.append(measured(point, audit, data, steps=self._steps, fid=self._fid, kept=kept))
                stores[scores[-1].facts.target] = data.store_digest()
                cost = cost + data.cost
                if is_first(self._budget):
                    say(f"{len(scores)}/{len(self.points)} {point}: measured")
        leave_to_first(self._budget)
        points = on_common_records(scores)
        return AblationResult(
            origin=run.origin(),
            cost=cost,
            splits=MEASURED,
            n_members=int(np.sum(points[0].labels == MEMBER)),
            n_nonmembers=int(np.sum(points[0].labels == NON_MEMBER)),
            axis=self.axis,
            rows=tuple(rows_of(points)),
            summary=tuple(summaries_of(points, self.axis, self.baseline, self.baseline_attack)),
            baseline=self.baseline if self.baseline_attack is None else self.baseline_attack,
            split_digest=self._base.view.splits.digest,
            stores=stores,
            audit=self.config,
        )

    # ------------------------------------------------------------------ points

    def _checked(self, point: Point) -> MembershipAudit:
        """A point's audit, unless it asks a remote target with a store, and so with a whole budget, of its own."""
        audit = point.make()
        target = pairs_of(audit).target
        if target.remote and target_digest(target) != self._own:
            raise PlanError(
                f"At {point} the remote target {target.name!r} is another than the audit's. Its answers and its "
                "account would be in a store of their own, so that the budget would hold for each store, not for all "
                "together. Vary other settings, or audit each remote target on its own."
            )
        return audit

    def _opened(self) -> Iterator[tuple[Point, MembershipAudit, AuxiliaryDataModule]]:
        """The points, one after another, with their audits and their records without test."""
        for point in self.points:
            audit = point.make()
            for attack in heads_of(audit):  # what is not there shall not come out after something was asked
                if start := Start.of(attack.hparams):
                    start.check(attack.name, audit.data.origin(attack))
            yield point, audit, self._without_test(point, pairs_of(audit))

    def _by_target(self) -> dict[str, list[AuxiliaryDataModule]]:
        """The records of the points by what they ask: `target 0123456789abcdef (steps 10, 20)`."""
        targets = defaultdict[str, list[AuxiliaryDataModule]](list)
        values = defaultdict[str, dict[str, None]](dict)
        for point, _, data in self._opened():
            digest = target_digest(data.target)
            targets[digest].append(data)
            values[digest][str(point.settings[self.axis])] = None
        return {f"target {t} ({short(self.axis)} {', '.join(values[t])})": of for t, of in targets.items()}

    def _without_test(self, point: Point, data: AuxiliaryDataModule) -> AuxiliaryDataModule:
        """The point's datamodule over the store of its target.

        Raises:
            PlanError: If its records or splits are not those of the audit.
        """
        digest = target_digest(data.target)
        store = self._base.store_path if digest == self._own else self.folder / digest
        if data.store_path != store:
            data = data.answered_by(data.target, str(store))
        data.prepare_data()
        if data.view.splits.digest != self._base.view.splits.digest:
            raise PlanError(
                f"At {point} the records or their splits are not those of the audit, so its scores cannot be compared. "
                "Vary the target, its answers or the heads; audit other records on their own."
            )
        data.keep_splits(LEARNED)
        return data


def _check_baseline(name: str, given: Label | None, measured: Sequence[Label]) -> None:
    if given is not None and given not in measured:
        raise PlanError(
            f"`{name}` must be one of {', '.join(map(str, dict.fromkeys(measured)))}, but got {str(given)!r}."
        )
