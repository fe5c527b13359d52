"""Training-free attacks, plain or calibrated by a base: a threshold on a statistic, or a ResNet on a residual map."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from datamodules import AskedDataModule, AuditDataModule, StatisticDataModule, Wanted
from lit_mia.attacks import Attack, AuditedAttack, ResidualHead, controls_of
from lit_mia.attacks.calibration import CalibratedAttack
from lit_mia.attacks.controls import unequal
from lit_mia.attacks.statistics.base import Setting, StatisticAttack, describe
from lit_mia.attacks.statistics.round_trip import RoundTrip
from lit_mia.audits.membership.calibration import Calibration
from lit_mia.audits.membership.scorer import Means, Scorer, Similarity, inputs_of, kept
from lit_mia.errors import HeadError
from lit_mia.metrics.auc import auc
from lit_mia.queries.progress import progress, say
from lit_mia.report.membership.scores import RowScores, Scores
from lit_mia.targets.base import AccessLevel
from lit_mia.targets.bases import is_base

logger = logging.getLogger(__name__)
TrainingFree = StatisticAttack | CalibratedAttack
Asked = tuple[tuple[StatisticAttack, Setting], ...]


@final
class StatisticScorer(Scorer[StatisticDataModule, TrainingFree]):
    """Scores attacks and controls by a threshold on the statistic, or by a ResNet on the residual map.

    `threshold` trains nothing. `resnet` trains a head on the residual map of each attack; the blind control of that
    head is a control under both protocols. Calibrated attacks ask the base of the target too, and have a control on
    what it alone says; a placebo that is that base is none of theirs.

    Raises:
        HeadError: If the datamodule holds no findings, or calibrated attacks shall be scored by residual maps.
        TargetError: If the target does not offer the access level of an attack, or has no base to calibrate it by.
    """

    name = "statistic"

    def __init__(self, data: AuditDataModule, attacks: Sequence[AuditedAttack], means: Means) -> None:
        if not isinstance(data, StatisticDataModule):
            raise HeadError(f"Training-free attacks are asked by a StatisticDataModule, not a {type(data).__name__}.")
        super().__init__(data, [attack for attack in attacks if isinstance(attack, TrainingFree)], means)
        self.protocol, self._head = means.protocol or "threshold", means.head or ResidualHead()
        self._residual = self.protocol == "resnet"
        self._plain = [attack for attack in self.attacks if isinstance(attack, StatisticAttack)]
        calibrated = [attack for attack in self.attacks if isinstance(attack, CalibratedAttack)]
        if calibrated and self._residual:
            raise HeadError(_NO_MAPS.format(calibrated[0].name))
        self._several = any(len(attack.settings()) > 1 for attack in self._plain)
        self._chosen: dict[str, Setting] = {}
        for attack in self._plain:
            data.target.require(attack.level)
        self._calibration = Calibration(data, calibrated)
        told = [attack.name for attack in self.attacks if self.is_told(attack)]
        if told and data.tools.encoder is None:
            logger.warning(_NO_ENCODER, ", ".join(told))
        self._unequal = unequal(self._head, controls_of(self._head, captioned=False)) if self._residual else None
        if self._unequal is not None:
            logger.warning(self._unequal)

    def controls(self, attack: TrainingFree) -> dict[str, Attack]:
        """The head on images alone, and those of captions where the datamodule has an encoder."""
        return controls_of(self._head, captioned=self.data.tools.encoder is not None and self.is_told(attack))

    def control_kinds(self) -> set[str]:
        """Those without the target, the autoencoder, the base, and the placebo."""
        return super().control_kinds() | {c.name for c in self._round_trip} | self._calibration.kinds

    def is_told(self, attack: TrainingFree) -> bool:
        """See `Scorer`; some attacks read captions of their own accord."""
        return attack.needs_captions or super().is_told(attack)

    def sides(self) -> Mapping[str, AskedDataModule]:
        """See `Scorer`; and the base, if an attack reads it."""
        return {**super().sides(), **self._calibration.sides()}

    def placed(self) -> list[str]:
        """See `Scorer`; the base is no placebo of what reads it."""
        return [attack.name for attack in self.attacks if self._placebo_of(attack) is not None]

    def expect_other_labels(self) -> None:
        """See `Scorer`; residual maps are there of the chosen setting alone."""
        super().expect_other_labels()
        if self._residual and self._several:
            raise HeadError(_SEVERAL_MAPS)

    def announce(self) -> None:
        """Every setting of target and base, and one of each plain attack of the placebo, or all for other labels."""
        self.data.ask(Wanted(self._every_setting, self._residual and not self._several))
        self._calibration.announce()
        if self.placebo is not None:
            self.placebo.ask(self._of_placebo({a.name: a.settings()[0] for a in self._plain}))

    def query(self) -> None:
        """Ask target and base at every setting, choose one of each attack on train and val, and ask the placebo so."""
        if self._several or not self._residual:
            self.data.ask(Wanted(self._every_setting))
            self.data.query()
        self._chosen = {attack.name: self._best(attack) for attack in self._plain}
        if self._residual:
            self.data.ask(Wanted((*self._at(self._chosen), *((rt, {}) for rt in self._round_trip)), True))
            self.data.query()
        self._calibration.query()
        if self.placebo is not None:
            self.placebo.ask(self._of_placebo(self._chosen))
            self.placebo.query()

    def rows(self, heads: Path | None) -> list[RowScores]:
        """Score every record at the chosen settings."""
        shared = {control.name: self._scores(self.data, control, {}) for control in self._round_trip}
        rows = list[RowScores]()
        with progress("score attacks and controls", len(self.attacks), "attacks") as bar:
            for attack in bar.over(self.attacks):
                own, *others = self._rows_of(attack, shared, heads)
                rows += [own, *others]
                say(f"{attack.name}: scored{f', {own.setting}' if own.setting else ''}")
        return rows

    def likeness(self) -> Mapping[str, tuple[Similarity, ...]]:
        """Of plain attacks their statistic, on the scale of the target's; of calibrated ones the gain on the base."""
        sides = {attack: [self.data, *filter(None, [self._placebo_of(attack)])] for attack in self.attacks}
        return {
            attack.name: self._calibration.gains(attack, *of)
            if isinstance(attack, CalibratedAttack)
            else self._side_by_side(attack, *of)
            for attack, of in sides.items()
        }

    def learns_apart(self, attack: TrainingFree) -> bool:
        """See `Scorer`; the network on residual maps."""
        return self._residual

    # ------------------------------------------------------------------ asking and choosing

    @property
    def _round_trip(self) -> list[StatisticAttack]:
        """The control of what compares images of a latent target; none for a pixel target."""
        return [RoundTrip()] if self.data.target.is_latent else []

    @property
    def _every_setting(self) -> Asked:
        of_plain = Wanted.every_setting([*self._plain, *self._round_trip]).asked
        return (*of_plain, *self._calibration.asked)

    def _at(self, settings: Mapping[str, Setting]) -> Asked:
        return tuple((attack, settings[attack.name]) for attack in self._plain)

    def _placebo_of(self, attack: TrainingFree) -> StatisticDataModule | None:
        """The placebo of an attack, which is none of a calibrated one if it is the base."""
        if self.placebo is None or not isinstance(attack, CalibratedAttack):
            return self.placebo
        return None if is_base(self.placebo.target, self.data.base_target) else self.placebo

    def _of_placebo(self, settings: Mapping[str, Setting]) -> Wanted:
        calibrated = any(isinstance(a, CalibratedAttack) and self._placebo_of(a) is not None for a in self.attacks)
        plain = Wanted.every_setting(self._plain).asked if self.means.other_labels else self._at(settings)
        return Wanted((*plain, *(self._calibration.asked if calibrated else ())), self._residual)

    def _best(self, attack: StatisticAttack) -> Setting:
        """The setting with the largest AUC on train and val."""
        if len(attack.settings()) == 1:
            return attack.settings()[0]
        rows = self._selection
        labels = np.array(self.data.view.known.members)[rows]
        scores = [self._statistic(self.data, attack, setting)[rows] for setting in attack.settings()]
        return attack.settings()[int(np.argmax([auc(score, labels) for score in scores]))]

    @property
    def _selection(self) -> NDArray[np.int64]:
        """Rows of train and val."""
        rows = self.data.view.splits.rows
        return np.array([*rows["train"], *rows["val"]], dtype=np.int64)

    # ------------------------------------------------------------------ scores [seeds, n]

    def _rows_of(self, attack: TrainingFree, shared: Mapping[str, Scores], heads: Path | None) -> Iterator[RowScores]:
        """The row of an attack, then those of its controls."""
        name, own = attack.name, self._row_of(attack, "attack", self.data, kept(heads, attack))
        self._check_varies(name, own.scores, _DEAD_STATISTIC)
        told: dict[str, Any] = {"captioned": self._captioned(attack), "unequal": self._unequal}
        yield replace(own, access=attack.level, **told)
        self.data.show(inputs_of(self.controls(attack).values()))
        yield from self._control_rows(attack, heads)
        yield from (self._row(name, kind, scores) for kind, scores in shared.items())
        if isinstance(attack, CalibratedAttack):
            control = self._calibration.control(attack)
            yield self._row(name, "base", control.scores, setting=control.learner)
        if (placebo := self._placebo_of(attack)) is not None:
            yield self._row_of(attack, "placebo", placebo)

    def _row_of(
        self, attack: TrainingFree, kind: str, data: StatisticDataModule, checkpoint: Path | None = None
    ) -> RowScores:
        """The row of an attack on the answers of the target or of the placebo."""
        if isinstance(attack, CalibratedAttack):
            found, asked = self._calibration.scores(attack, data), self._calibration.evaluations(attack)
            told: dict[str, Any] = {"setting": found.setting, "evaluations": asked, "reads_base": kind == "attack"}
            return self._row(attack.name, kind, found.scores[None], **told)
        setting = self._chosen[attack.name]
        count = self.data.evaluations(attack, setting) if attack.level is AccessLevel.DENOISE else None
        scores = self._scores(data, attack, setting, checkpoint)
        return self._row(attack.name, kind, scores, setting=describe(setting), evaluations=count)

    def _scores(
        self, data: StatisticDataModule, attack: StatisticAttack, setting: Setting, checkpoint: Path | None = None
    ) -> Scores:
        if not self._residual:
            return self._statistic(data, attack, setting)[None]
        data.show(self._head.inputs, attack.plan(setting))
        return self.means.learner.network(self._head, data, self.means.budget, checkpoint)

    def _side_by_side(self, attack: StatisticAttack, *of: StatisticDataModule) -> tuple[Similarity, ...]:
        setting = self._chosen[attack.name]
        found = np.concatenate([data.statistics(attack, setting) for data in of])
        return tuple(np.split(attack.combine(found, setting, self._selection), len(of)))

    def _statistic(self, data: StatisticDataModule, attack: StatisticAttack, setting: Setting) -> Scores:
        return attack.combine(data.statistics(attack, setting), setting, self._selection)


_DEAD_STATISTIC = "Look at what the target answers about the records, or use another setting."
_NO_MAPS = "{} is scored by statistics, not by residual maps. Leave calibrated attacks out of the protocol `resnet`."
_SEVERAL_MAPS = (
    "Other labels may choose another setting of an attack, but residual maps are asked at the chosen one alone. Give "
    "each attack one setting, or test the protocol `threshold`."
)
_NO_ENCODER = (
    "%s: captions are given, but the datamodule has no `encoder`, so there is no control of how well captions fit "
    "images (`joint`). Outside a verified coin the verdict is then at most `not evidence (controls incomplete)`."
)
