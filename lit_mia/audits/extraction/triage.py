"""Which captions are drawn: those to which the target, and not its base, answers most strongly, and a control."""

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from datamodules import AuxiliaryDataModule, StatisticDataModule, Wanted
from lit_mia.attacks.statistics import ConditionalDifference
from lit_mia.attacks.statistics.base import StatisticAttack
from lit_mia.audits.extraction.halves import Halves
from lit_mia.cost import Cost, Estimate
from lit_mia.errors import HeadError, SplitError
from lit_mia.metrics.intervals import auc_estimate
from lit_mia.metrics.resampling import IntArray
from lit_mia.metrics.roc import BoolArray, FloatArray
from lit_mia.ranges import POSITIVE_SHARE, check
from lit_mia.records import MEMBER, Records
from lit_mia.report.extraction import Triaged


@dataclass(frozen=True, eq=False)
class Triage:
    """Spends images on the captions that are suspicious.

    Captions are ranked by a statistic of the target less the same of its base, or by that of the target where there is
    no base; images are drawn from the first of them, whichever half these are of. A ranking that tells the halves
    apart would leave next to no held-out caption as a control, and what any caption gets would look learned. So the
    next held-out ones are drawn too, until there are as many of them as of training captions. That looks at the halves,
    but can only add copies to the held-out one: a coin is still a coin. Records whose captions are not drawn count as
    not reproduced, so that the rates are lower bounds.

    Args:
        data: The same records before the denoiser of the target, and its base.
        share: Share of the captions that are drawn first, in (0, 1]; with the control up to twice as many are.
        attack: What ranks captions, with one setting; the conditional difference of Wen et al. 2024 if not given.
    """

    data: StatisticDataModule
    share: float = 0.25
    attack: StatisticAttack | None = None

    def __post_init__(self) -> None:
        """Check the share, and that nothing is chosen.

        Raises:
            HeadError: If the share is not in (0, 1], or the attack has several settings.
        """
        check(HeadError, POSITIVE_SHARE(share=self.share))
        if len(self.ranker.settings()) != 1:
            raise HeadError("`attack` of a triage must have one setting: single values, not lists.")
        self.data.target.require(self.ranker.level)

    @cached_property
    def ranker(self) -> StatisticAttack:
        """What ranks captions."""
        return self.attack or ConditionalDifference()

    @cached_property
    def sides(self) -> dict[str, StatisticDataModule]:
        """The target, and its base if it has one."""
        has_base = self.data.has_base
        sides = {"triage": self.data} | ({"triage base": self.data.base} if has_base else {})
        for side in sides.values():
            side.ask(Wanted.every_setting([self.ranker]))
        return sides

    def estimate(self, data: AuxiliaryDataModule) -> dict[str, Estimate]:
        """What ranking would still cost, by model; empty if all is there."""
        _check_same(data, self.data)
        estimates = {name: side.estimate() for name, side in self.sides.items()}
        return estimates if any(estimate.missing for estimate in estimates.values()) else {}

    def query(self, data: AuxiliaryDataModule) -> dict[str, Cost]:
        """Ask what ranking needs, and say what was spent."""
        _check_same(data, self.data)
        for side in self.sides.values():
            side.fill(side.view.labelled)
        return {name: side.cost for name, side in self.sides.items()}

    def chosen(self, records: Records) -> set[str]:
        """Ids of those of some records whose captions are drawn.

        Raises:
            HeadError: If a caption cannot be ranked.
        """
        ranking = next(reversed(self._scores(records).values()))
        if not np.isfinite(ranking).all():
            raise HeadError(
                f"{self.ranker.name} is NaN or infinite for {int(np.sum(~np.isfinite(ranking)))} of {len(ranking)} "
                "captions, which cannot be ranked. Set `dtype: float32` of the target, or use another `attack`."
            )
        drawn = drawn_first(ranking, np.array(records.members) == MEMBER, self.share)
        return {records.ids[row] for row in drawn.tolist()}

    def told(self, data: AuxiliaryDataModule, halves: Halves) -> Triaged:
        """What a report says of it."""
        areas = {
            name: auc_estimate(scores, halves.members, halves.records.groups)
            for name, scores in self._scores(halves.records).items()
        }
        return Triaged(
            attack=self.ranker.name,
            share=self.share,
            members=int((halves.asked & halves.members).sum()),
            nonmembers=int((halves.asked & ~halves.members).sum()),
            auc={name: area.auc for name, area in areas.items()},
            auc_ci={name: None if area.ci is None else list(area.ci) for name, area in areas.items()},
        )

    def _scores(self, records: Records) -> dict[str, FloatArray]:
        """The statistic of each record: of the target, of the base, and what captions are ranked by last."""
        (setting,) = self.ranker.settings()
        own = {
            name: self.ranker.combine(side.statistics(self.ranker, setting, records), setting, np.arange(len(records)))
            for name, side in zip(("target", "base"), self.sides.values(), strict=False)
        }
        if "base" not in own:
            return own
        return {"target": own["target"], "base": own["base"], "target less base": own["target"] - own["base"]}


def drawn_first(ranking: FloatArray, is_member: BoolArray, share: float) -> IntArray:
    """Rows of the captions that are drawn: the first, and held-out ones until there are as many as of the others.

    Args:
        ranking: Higher = drawn earlier; of equals the first row, `[n]`.
        is_member: Whether each is of the training half, `[n]`.
        share: Share of all that are drawn whatever their half, in (0, 1].
    """
    order = np.argsort(-ranking, kind="stable")
    first, rest = np.split(order, [math.ceil(share * len(order))])
    lacking = max(0, 2 * int(is_member[first].sum()) - len(first))
    return np.concatenate([first, rest[~is_member[rest]][:lacking]])


def _check_same(data: AuxiliaryDataModule, triage: StatisticDataModule) -> None:
    one, other = data.view.labelled, triage.view.labelled
    if (one.ids, one.captions, one.members) != (other.ids, other.captions, other.members):
        raise SplitError(
            "`data` and the `data` of `triage` must be about the same records in the same order, but they differ. Give "
            "both the same `source`."
        )
