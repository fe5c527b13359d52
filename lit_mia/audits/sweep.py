"""Training-free attacks at many settings, measured on val and train, which may choose settings."""

from functools import cached_property
from typing import Literal, final, get_args

import numpy as np

from datamodules import AuditDataModule, StatisticDataModule, Wanted
from lit_mia.attacks.statistics.base import Setting, StatisticAttack
from lit_mia.audits.base import Audit, Run
from lit_mia.cost import Cost, Estimate
from lit_mia.errors import HeadError, SplitError
from lit_mia.metrics.intervals import auc_estimate
from lit_mia.queries.progress import progress
from lit_mia.records import MEMBER, NON_MEMBER, Records
from lit_mia.registry import named_once
from lit_mia.report.sweep import SweepResult, SweepRow

MeasuredSplit = Literal["train", "val"]


@final
class Sweep(Audit):
    """Measures training-free attacks at all their settings, never on calibration or test.

    All settings are answered in one pass, about the records of the measured splits only.

    Args:
        data: Records, target, store and splits, as of an audit; a `StatisticDataModule`.
        attacks: The attacks; arguments that may be swept are lists.
        splits: The splits to measure, taken together: `val`, `train` or both, since a statistic is trained on neither.
            Calibration sets the thresholds of audits and test carries their numbers, so no setting is chosen on them.
    """

    def __init__(
        self,
        data: AuditDataModule,
        attacks: list[StatisticAttack],
        splits: tuple[MeasuredSplit, ...] = ("val",),
    ) -> None:
        if not isinstance(data, StatisticDataModule):
            raise HeadError(
                f"A sweep measures training-free attacks on a StatisticDataModule, not {type(data).__name__}."
            )
        _check_attacks(attacks)
        _check_splits(tuple(splits))
        for attack in attacks:
            data.target.require(attack.level)
        self.data, self.attacks, self.splits = data, attacks, tuple(splits)

    def estimate(self) -> dict[str, Estimate]:
        """What the missing queries would cost, by target, or first those for records; asks nothing."""
        if drawing := self.data.source.estimates():
            return drawing
        self._announce()
        return {"target": self.data.estimate_for(self.records)}

    def query(self) -> dict[str, Cost]:
        """Fill the store with what is missing."""
        self._announce()
        self.data.fill(self.records)
        return {"target": self.data.cost} | self.data.source.costs()

    def run(self, run: Run) -> SweepResult:
        """Ask what is missing, and measure every setting of every attack."""
        self.query()
        points = [(attack, setting) for attack in self.attacks for setting in attack.settings()]
        with progress("measure settings", len(points), "settings") as bar:
            rows = tuple(self._measure(*point) for point in bar.over(points))
        return SweepResult(
            origin=run.origin(),
            cost=self.data.cost,
            splits=self.splits,
            n_members=rows[0].n_members,
            n_nonmembers=rows[0].n_nonmembers,
            rows=rows,
            target=dict(self.data.target.fingerprint()),
            hashes=self.data.hashes(),
        )

    def _announce(self) -> None:
        self.data.prepare_data()
        self.data.ask(Wanted.every_setting(self.attacks))

    def _measure(self, attack: StatisticAttack, setting: Setting) -> SweepRow:
        statistic = self.data.statistics(attack, setting, self.records)
        scores = attack.combine(statistic, setting, np.arange(len(statistic)))
        labels = np.array(self.records.members)
        estimate = auc_estimate(scores, labels, np.array(self.records.groups))
        return SweepRow(
            attack=attack.name,
            setting=setting,
            auc=estimate.auc,
            auc_lo=estimate.lo,
            auc_hi=estimate.hi,
            n_members=int(np.sum(labels == MEMBER)),
            n_nonmembers=int(np.sum(labels == NON_MEMBER)),
            evaluations=self.data.evaluations(attack, setting),
        )

    @cached_property
    def records(self) -> Records:
        """The records of the measured splits."""
        rows = self.data.view.splits.rows
        return self.data.view.known.select([row for split in self.splits for row in rows[split]])


def _check_attacks(attacks: list[StatisticAttack]) -> None:
    names = named_once("A sweep", "attack", attacks)
    if all(len(attack.settings()) == 1 for attack in attacks):
        raise HeadError(
            f"Nothing is swept: {', '.join(names)} has one setting each. Give a list for an argument, e.g. "
            "`t: [100, 200]`; to measure one setting, run `lit-mia audit`."
        )


def _check_splits(splits: tuple[str, ...]) -> None:
    """Refuse test and calibration, what is no split, and a split that is named twice."""
    allowed = get_args(MeasuredSplit)
    for kept in [name for name in ("test", "calibration") if name in splits]:
        raise SplitError(
            f"A sweep never measures the {kept} split: a setting chosen there would make the audit's numbers too good. "
            f"Use some of {', '.join(allowed)}."
        )
    if not splits or len(set(splits)) < len(splits) or not set(splits) <= set(allowed):
        raise SplitError(f"`splits` must be some of {', '.join(allowed)}, each once, but got {list(splits)}.")
