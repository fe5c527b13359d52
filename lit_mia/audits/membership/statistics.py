"""Rows of training-free attacks, under one of two protocols."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, final

import numpy as np
from numpy.typing import NDArray

from datamodules.base import AuditDataModule
from datamodules.statistics import StatisticDataModule
from datamodules.wanted import Wanted
from lit_mia.attacks.residual import ResidualHead
from lit_mia.attacks.statistics.base import Setting, StatisticAttack, describe
from lit_mia.attacks.statistics.rediffuse import RoundTrip
from lit_mia.attacks.training import Budget, controls_of, train_seeds
from lit_mia.audits.membership.heads import row_name
from lit_mia.audits.membership.scorer import Scorer
from lit_mia.metrics.auc import auc
from lit_mia.report.membership.evidence import RowScores, Scores
from lit_mia.targets.base import AccessLevel, Target

StatisticProtocol = Literal["threshold", "resnet"]


@final
class StatisticScorer(Scorer):
    """Scores attacks and controls by a threshold on the statistic, or by a ResNet on the residual map.

    Args:
        data: Records and the target's answers.
        attacks: The attacks.
        protocol: `threshold`: no training. `resnet`: a head on the residual map of each attack.
        head: The head of the protocol `resnet`; its blind control is a control under both protocols.
        budget: Seeds and epochs of the heads.
    """

    name = "statistic"

    def __init__(
        self,
        data: StatisticDataModule,
        attacks: Sequence[StatisticAttack],
        *,
        protocol: StatisticProtocol,
        head: ResidualHead,
        budget: Budget,
    ) -> None:
        self._data = data
        self._placebo: StatisticDataModule | None = None
        self._attacks, self._protocol, self._head, self._budget = list(attacks), protocol, head, budget
        self._chosen: list[Setting] = []
        for attack in self._attacks:
            data.target.require(attack.level)

    @property
    def attacks(self) -> Sequence[StatisticAttack]:
        """The attacks."""
        return self._attacks

    @property
    def protocol(self) -> str:
        """Threshold or ResNet."""
        return self._protocol

    def control_kinds(self) -> set[str]:
        """The head on images alone, the autoencoder, and the placebo."""
        return {"placebo", *controls_of(self._head), *(control.name for control in self._round_trip)}

    def add_placebo(self, target: Target, store: str) -> None:
        """See `Scorer`."""
        self._placebo = self._data.answered_by(target, store)

    def sides(self) -> Mapping[str, AuditDataModule]:
        """See `Scorer`."""
        return {"target": self._data} | ({"placebo": self._placebo} if self._placebo is not None else {})

    def announce(self) -> None:
        """Every setting of the target, and one of each attack of the placebo."""
        single = all(len(attack.settings()) == 1 for attack in self._attacks)
        self._data.ask(Wanted.every_setting(self._asked, self._residual and single))
        if self._placebo is not None:
            self._placebo.ask(self._at([attack.settings()[0] for attack in self._attacks]))

    def query(self) -> None:
        """Ask the target at every setting, choose one of each attack on train and val, and ask the placebo at those."""
        several = any(len(attack.settings()) > 1 for attack in self._attacks)
        if several or not self._residual:
            self._data.ask(Wanted.every_setting(self._asked))
            self._data.query()
        self._chosen = [self._best(attack) if several else attack.settings()[0] for attack in self._attacks]
        if self._residual:
            self._data.ask(Wanted((*self._at(self._chosen).asked, *((rt, {}) for rt in self._round_trip)), True))
            self._data.query()
        if self._placebo is not None:
            self._placebo.ask(self._at(self._chosen))
            self._placebo.query()

    def rows(self, heads: Path) -> list[RowScores]:
        """Score every record at the chosen settings."""
        blind = self._blind()
        round_trips = {control.name: self._scores(self._data, control, {}) for control in self._round_trip}
        rows = []
        for attack, setting in zip(self._attacks, self._chosen, strict=True):
            name = attack.name
            own = self._scores(self._data, attack, setting, heads / f"{name}.ckpt")
            count = self._data.evaluations(attack, setting) if attack.level is AccessLevel.DENOISE else None
            told = {"setting": describe(setting), "evaluations": count}
            rows.append(self._row(name, "attack", own, **told))
            rows.append(self._row(name, "blind", blind))
            rows += [self._row(name, kind, scores) for kind, scores in round_trips.items()]
            if self._placebo is not None:
                rows.append(self._row(name, "placebo", self._scores(self._placebo, attack, setting), **told))
            print(f"{name}: scored {f'at {describe(setting)}' if setting else ''}".rstrip(), flush=True)
        return rows

    def _row(self, attack: str, kind: str, scores: Scores, **told: Any) -> RowScores:
        return RowScores(row_name(attack, kind), kind, attack, scores, protocol=self._protocol, **told)

    # ------------------------------------------------------------------ asking and choosing

    @property
    def _residual(self) -> bool:
        return self._protocol == "resnet"

    @property
    def _round_trip(self) -> list[StatisticAttack]:
        """The control of what compares images of a latent target; none for a pixel target."""
        return [RoundTrip()] if self._data.target.is_latent else []

    @property
    def _asked(self) -> list[StatisticAttack]:
        return [*self._attacks, *self._round_trip]

    def _at(self, settings: Sequence[Setting]) -> Wanted:
        return Wanted(tuple(zip(self._attacks, settings, strict=True)), self._residual)

    def _best(self, attack: StatisticAttack) -> Setting:
        """The setting with the largest AUC on train and val."""
        rows = self._selection
        labels = np.array(self._data.view.known.members)[rows]
        scores = [self._statistic(self._data, attack, setting)[rows] for setting in attack.settings()]
        return attack.settings()[int(np.argmax([auc(score, labels) for score in scores]))]

    @property
    def _selection(self) -> NDArray[np.int64]:
        """Rows of train and val."""
        rows = self._data.view.splits.rows
        return np.array([*rows["train"], *rows["val"]], dtype=np.int64)

    # ------------------------------------------------------------------ scores [seeds, n]

    def _scores(
        self, data: StatisticDataModule, attack: StatisticAttack, setting: Setting, checkpoint: Path | None = None
    ) -> Scores:
        if not self._residual:
            return self._statistic(data, attack, setting)[None]
        data.show(self._head.inputs, attack.plan(setting))
        return train_seeds(self._head, data, self._budget, checkpoint)

    def _statistic(self, data: StatisticDataModule, attack: StatisticAttack, setting: Setting) -> Scores:
        return attack.combine(data.statistics(attack, setting), setting, self._selection)

    def _blind(self) -> Scores:
        """The head's network on the query images alone."""
        (control,) = controls_of(self._head).values()
        self._data.show(control.inputs)
        return train_seeds(control, self._data, self._budget)
