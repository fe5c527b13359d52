"""Training-free attacks, scored by a threshold on their statistic or by a ResNet on their residual map."""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from datamodules import AuditDataModule, StatisticDataModule, Wanted
from lit_mia.attacks import Attack, AuditedAttack, ResidualHead, controls_of, train_seeds
from lit_mia.attacks.controls import unequal
from lit_mia.attacks.statistics.base import Setting, StatisticAttack, describe
from lit_mia.attacks.statistics.round_trip import RoundTrip
from lit_mia.audits.membership.scorer import Means, Scorer, Similarity
from lit_mia.errors import HeadError
from lit_mia.metrics.auc import auc
from lit_mia.report.membership.scores import RowScores, Scores
from lit_mia.targets.base import AccessLevel

logger = logging.getLogger(__name__)


@final
class StatisticScorer(Scorer[StatisticDataModule, StatisticAttack]):
    """Scores attacks and controls by a threshold on the statistic, or by a ResNet on the residual map.

    `threshold` trains nothing. `resnet` trains a head on the residual map of each attack; the blind control of that
    head is a control under both protocols.

    Raises:
        HeadError: If the datamodule holds no findings.
        TargetError: If the target does not offer the access level of an attack.
    """

    name = "statistic"

    def __init__(self, data: AuditDataModule, attacks: Sequence[AuditedAttack], means: Means) -> None:
        if not isinstance(data, StatisticDataModule):
            raise HeadError(f"Training-free attacks are asked by a StatisticDataModule, not a {type(data).__name__}.")
        super().__init__(data, [attack for attack in attacks if isinstance(attack, StatisticAttack)], means)
        self.protocol, self._head = means.protocol or "threshold", means.head or ResidualHead()
        self._residual = self.protocol == "resnet"
        self._several = any(len(attack.settings()) > 1 for attack in self.attacks)
        self._chosen: list[Setting] = []
        for attack in self.attacks:
            data.target.require(attack.level)
        told = [attack.name for attack in self.attacks if self.is_told(attack)]
        if told and data.tools.encoder is None:
            logger.warning(_NO_ENCODER, ", ".join(told))
        self._unequal = unequal(self._head, controls_of(self._head, captioned=False)) if self._residual else None
        if self._unequal is not None:
            logger.warning(self._unequal)

    def controls(self, attack: StatisticAttack) -> dict[str, Attack]:
        """The head on images alone, and those of captions where the datamodule has an encoder."""
        return controls_of(self._head, captioned=self.data.tools.encoder is not None and self.is_told(attack))

    def control_kinds(self) -> set[str]:
        """Those without the target, the autoencoder, and the placebo."""
        return super().control_kinds() | {control.name for control in self._round_trip}

    def is_told(self, attack: StatisticAttack) -> bool:
        """See `Scorer`; some attacks read captions of their own accord."""
        return attack.needs_captions or super().is_told(attack)

    def announce(self) -> None:
        """Every setting of the target, and one of each attack of the placebo."""
        self.data.ask(Wanted.every_setting(self._asked, self._residual and not self._several))
        if self._placebo is not None:
            self._placebo.ask(self._at([attack.settings()[0] for attack in self.attacks]))

    def query(self) -> None:
        """Ask the target at every setting, choose one of each attack on train and val, and ask the placebo at those."""
        if self._several or not self._residual:
            self.data.ask(Wanted.every_setting(self._asked))
            self.data.query()
        self._chosen = [self._best(attack) if self._several else attack.settings()[0] for attack in self.attacks]
        if self._residual:
            self.data.ask(Wanted((*self._at(self._chosen).asked, *((rt, {}) for rt in self._round_trip)), True))
            self.data.query()
        if self._placebo is not None:
            self._placebo.ask(self._at(self._chosen))
            self._placebo.query()

    def rows(self, heads: Path) -> list[RowScores]:
        """Score every record at the chosen settings."""
        shared = {control.name: self._scores(self.data, control, {}) for control in self._round_trip}
        rows = []
        for attack, setting in zip(self.attacks, self._chosen, strict=True):
            name, checkpoint = attack.name, heads / f"{attack.name}.ckpt"
            own = self._scores(self.data, attack, setting, checkpoint)
            self._check_varies(name, own, _DEAD_STATISTIC)
            count = self.data.evaluations(attack, setting) if attack.level is AccessLevel.DENOISE else None
            told: dict[str, Any] = {"setting": describe(setting), "evaluations": count}
            seen: dict[str, Any] = {"captioned": self._captioned(attack), "unequal": self._unequal}
            rows.append(self._row(name, "attack", own, **told, **seen))
            self.data.show(frozenset[str]().union(*(control.inputs for control in self.controls(attack).values())))
            rows += self._control_rows(attack, checkpoint)
            rows += [self._row(name, kind, scores) for kind, scores in shared.items()]
            if self._placebo is not None:
                rows.append(self._row(name, "placebo", self._scores(self._placebo, attack, setting), **told))
            print(f"{name}: scored {f'at {describe(setting)}' if setting else ''}".rstrip(), flush=True)
        return rows

    def likeness(self) -> Mapping[str, tuple[Similarity, Similarity]]:
        """Each attack's own statistic at the chosen setting, on the scale of the target's."""
        return {
            attack.name: self._side_by_side(attack, setting, self._placebo)
            for attack, setting in zip(self.attacks, self._chosen, strict=True)
            if self._placebo is not None
        }

    # ------------------------------------------------------------------ asking and choosing

    @property
    def _round_trip(self) -> list[StatisticAttack]:
        """The control of what compares images of a latent target; none for a pixel target."""
        return [RoundTrip()] if self.data.target.is_latent else []

    @property
    def _asked(self) -> list[StatisticAttack]:
        return [*self.attacks, *self._round_trip]

    def _at(self, settings: Sequence[Setting]) -> Wanted:
        return Wanted(tuple(zip(self.attacks, settings, strict=True)), self._residual)

    def _best(self, attack: StatisticAttack) -> Setting:
        """The setting with the largest AUC on train and val."""
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

    def _scores(
        self, data: StatisticDataModule, attack: StatisticAttack, setting: Setting, checkpoint: Path | None = None
    ) -> Scores:
        if not self._residual:
            return self._statistic(data, attack, setting)[None]
        data.show(self._head.inputs, attack.plan(setting))
        return train_seeds(self._head, data, self._budget, checkpoint)

    def _side_by_side(
        self, attack: StatisticAttack, setting: Setting, placebo: StatisticDataModule
    ) -> tuple[Similarity, Similarity]:
        found = np.concatenate([data.statistics(attack, setting) for data in (self.data, placebo)])
        of_target, of_placebo = np.split(attack.combine(found, setting, self._selection), 2)
        return of_target, of_placebo

    def _statistic(self, data: StatisticDataModule, attack: StatisticAttack, setting: Setting) -> Scores:
        return attack.combine(data.statistics(attack, setting), setting, self._selection)


_DEAD_STATISTIC = "Look at what the target answers about the records, or use another setting."
_NO_ENCODER = (
    "%s: captions are given, but the datamodule has no `encoder`, so there is no control of how well captions fit "
    "images (`joint`). Outside a verified coin the verdict is then at most `not evidence (controls incomplete)`."
)
