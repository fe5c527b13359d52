"""Rows of an audit of training-free attacks, under one of two protocols that are never mixed."""

from pathlib import Path
from typing import Literal, final

import numpy as np
from numpy.typing import NDArray

from datamodules.statistics import StatisticDataModule
from lit_mia.attacks.controls import controls_of
from lit_mia.attacks.residual import ResidualHead
from lit_mia.attacks.statistics.base import Setting, StatisticAttack, describe
from lit_mia.attacks.statistics.round_trip import RoundTrip
from lit_mia.attacks.training import Budget, train_seeds
from lit_mia.audit.rows import RowMaker
from lit_mia.metrics.auc import auc
from lit_mia.report.numbers import RowScores
from lit_mia.report.schema import Protocol
from lit_mia.targets.base import AccessLevel

StatisticProtocol = Literal["threshold", "resnet"]
Scores = NDArray[np.float64]


@final
class StatisticRows(RowMaker):
    """Scores attacks and controls by a threshold on the statistic, or by a ResNet on the residual map.

    Args:
        data: Records and the target's answers.
        attacks: The attacks.
        protocol: `threshold`: no training. `resnet`: a head on the residual map of each attack.
        head: The head of the protocol `resnet`; its blind control is a control under both protocols.
        budget: Seeds and epochs of the heads.
    """

    def __init__(
        self,
        data: StatisticDataModule,
        attacks: list[StatisticAttack],
        protocol: StatisticProtocol,
        head: ResidualHead,
        budget: Budget,
    ) -> None:
        self.data: StatisticDataModule = data
        self.placebo: StatisticDataModule | None = None
        self.attacks, self._protocol, self.head, self.budget = attacks, protocol, head, budget

    @property
    def protocol(self) -> Protocol:
        """Threshold or ResNet."""
        return self._protocol

    def announce(self) -> None:
        """Every setting of the target, and one of each attack of the placebo."""
        residual = self._protocol == "resnet"
        single = all(len(attack.settings()) == 1 for attack in self.attacks)
        self.data.ask([*self.attacks, *self._round_trip], None, residual and single)
        if self.placebo is not None:
            self.placebo.ask(self.attacks, [attack.settings()[0] for attack in self.attacks], residual)

    def query(self) -> None:
        """Ask the target at every setting, and then the placebo at the chosen ones."""
        self._choose()

    def rows(self, heads: Path) -> list[RowScores]:
        """Ask, choose settings on train and val, and score every record."""
        chosen = self._choose()
        blind = self._blind()
        round_trips = {control.name: self._scores(self.data, control, {}) for control in self._round_trip}
        rows = []
        for attack, setting in zip(self.attacks, chosen, strict=True):
            name = attack.name
            own = self._scores(self.data, attack, setting, heads / f"{name}.ckpt")
            count = self.data.evaluations(attack, setting) if attack.level is AccessLevel.DENOISE else None
            rows.append(RowScores(name, "attack", name, own, describe(setting), count))
            rows.append(RowScores(f"{name} blind", "blind", name, blind))
            for control, scores in round_trips.items():
                rows.append(RowScores(f"{name} {control}", "round trip", name, scores))
            if self.placebo is not None:
                answer = self._scores(self.placebo, attack, setting)
                rows.append(RowScores(f"{name} placebo", "placebo", name, answer, describe(setting), count))
            print(f"{name}: scored {f'at {describe(setting)}' if setting else ''}".rstrip(), flush=True)
        return rows

    # ------------------------------------------------------------------ asking and choosing

    def _choose(self) -> list[Setting]:
        """The setting of each attack with the largest AUC on train and val, and everything asked that it needs."""
        for data in (self.data, self.placebo):  # a mistake in the placebo shall not come after the target was paid
            if data is not None:
                data.check(data.labelled)
        several = any(len(attack.settings()) > 1 for attack in self.attacks)
        residual = self._protocol == "resnet"
        if several or not residual:
            self.data.ask([*self.attacks, *self._round_trip], None, False)
            self.data.query()
        chosen = [self._best(attack) if several else attack.settings()[0] for attack in self.attacks]
        if residual:
            self.data.ask([*self.attacks, *self._round_trip], [*chosen, *({} for _ in self._round_trip)], True)
            self.data.query()
        if self.placebo is not None:
            self.placebo.ask(self.attacks, chosen, residual)
            self.placebo.query()
        self.leave_out_refused()
        return chosen

    def _best(self, attack: StatisticAttack) -> Setting:
        rows = self._selection
        labels = np.array(self.data.known.members)[rows]
        scores = [self._statistic(self.data, attack, setting)[rows] for setting in attack.settings()]
        return attack.settings()[int(np.argmax([auc(score, labels) for score in scores]))]

    @property
    def _round_trip(self) -> list[StatisticAttack]:
        """The control of what compares images of a latent target; none for a pixel target."""
        return [RoundTrip()] if self.data.is_latent else []

    @property
    def _selection(self) -> NDArray[np.int64]:
        """Rows of train and val."""
        return np.array([*self.data.splits.rows["train"], *self.data.splits.rows["val"]], dtype=np.int64)

    # ------------------------------------------------------------------ scores [seeds, n]

    def _scores(
        self, data: StatisticDataModule, attack: StatisticAttack, setting: Setting, checkpoint: Path | None = None
    ) -> Scores:
        if self._protocol == "threshold":
            return self._statistic(data, attack, setting)[None]
        data.show_residuals(attack, setting)
        return train_seeds(self.head, data, self.budget, checkpoint)

    def _statistic(self, data: StatisticDataModule, attack: StatisticAttack, setting: Setting) -> Scores:
        return attack.combine(data.statistics(attack, setting), setting, self._selection)

    def _blind(self) -> Scores:
        """The head's network on the query images alone."""
        self.data.show_images()
        (control,) = controls_of(self.head).values()
        return train_seeds(control, self.data, self.budget)
