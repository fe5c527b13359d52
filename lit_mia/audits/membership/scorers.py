"""What makes the rows of a membership audit: attacks and their controls, each with a score for every record."""

import logging
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Generic, Literal, TypeVar, final

import numpy as np
from numpy.typing import NDArray

from datamodules import AuditDataModule, AuxiliaryDataModule, StatisticDataModule, Wanted
from lit_mia.attacks import (
    Attack,
    AuditedAttack,
    Budget,
    ResidualHead,
    check_varies,
    controls_of,
    same_training,
    train_seeds,
)
from lit_mia.attacks.controls import record_controls, unequal
from lit_mia.attacks.statistics.base import Setting, StatisticAttack, describe
from lit_mia.attacks.statistics.round_trip import RoundTrip
from lit_mia.audits.membership.controls import Controls
from lit_mia.errors import HeadError
from lit_mia.metrics.auc import auc
from lit_mia.report.membership.scores import RowScores, Scores
from lit_mia.targets.base import AccessLevel, Target

Similarity = NDArray[np.float64]
"""How like the records some answers are, `[n]`; higher is closer."""
Data = TypeVar("Data", bound=AuditDataModule)
Scored = TypeVar("Scored", bound=AuditedAttack)
StatisticProtocol = Literal["threshold", "resnet"]
logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Means:
    """What attacks are scored with.

    Attributes:
        budget: Seeds and epochs of whatever is trained.
        protocol: Of training-free attacks; None where there are none.
        head: Of the protocol `resnet` and of the blind control of training-free attacks; None where there are none.
    """

    budget: Budget
    protocol: StatisticProtocol | None = None
    head: ResidualHead | None = None


class Scorer(ABC, Generic[Data, Scored]):
    """Asks the targets and scores all records by every attack of one way of scoring, and by its controls.

    Args:
        data: Records and the target's answers.
        attacks: The attacks.
        means: What they are scored with.

    Attributes:
        name: The way of scoring: `AuditedAttack.scored_by` of the attacks.
        protocol: Name of its entry in `PROTOCOLS`.
    """

    name: ClassVar[str]
    protocol: str

    def __init__(self, data: Data, attacks: Sequence[Scored], means: Means) -> None:
        self.data, self.attacks, self._budget = data, attacks, means.budget
        self._placebo: Data | None = None
        self._learned = Controls(data, means.budget)

    @abstractmethod
    def controls(self, attack: Scored) -> dict[str, Attack]:
        """The heads without the target that an attack has to beat, by kind."""

    def control_kinds(self) -> set[str]:
        """Kinds of the controls that its rows may have."""
        of_records = {control.name for attack in self.attacks for control in record_controls(self.is_told(attack))}
        return {"placebo", *of_records}.union(*(self.controls(attack) for attack in self.attacks))

    def is_told(self, attack: Scored) -> bool:
        """Whether the target, or the attack itself, is given the captions of records that have some."""
        return self.data.target.told_captions

    @abstractmethod
    def announce(self) -> None:
        """Tell the datamodules what they will be asked; asks nothing."""

    @abstractmethod
    def query(self) -> None:
        """Ask what is missing, and nothing more."""

    @abstractmethod
    def rows(self, heads: Path) -> list[RowScores]:
        """Train what has to be trained, and score, once everything was asked and what is refused was left out.

        Args:
            heads: Folder for trained heads.
        """

    def add_placebo(self, target: Target, store: str) -> None:
        """Ask a target that saw neither side the same.

        Args:
            target: The target.
            store: Folder of its answers.
        """
        self._placebo = self.data.answered_by(target, store)
        self._placebo.prepare_data()

    @abstractmethod
    def likeness(self) -> Mapping[str, tuple[Similarity, Similarity]]:
        """By attack, how like each known record the target's and the placebo's answers are, `[n]` each.

        Asks nothing. Empty without a placebo, and where the answers cannot be compared with records.
        """

    def sides(self) -> Mapping[str, Data]:
        """The datamodules by role: `target`, and `placebo` if there is one."""
        return {"target": self.data} | ({"placebo": self._placebo} if self._placebo is not None else {})

    def _captioned(self, attack: Scored) -> bool:
        return self.is_told(attack) and any(self.data.view.known.captions)

    def _control_rows(self, attack: Scored, checkpoint: Path) -> list[RowScores]:
        controls, captioned = self.controls(attack), self._captioned(attack)
        learned = self._learned.of_attack(controls, captioned, checkpoint)
        return [self._row(attack.name, kind, one.scores, setting=one.learner) for kind, one in learned]

    def _check_varies(self, attack: str, scores: Scores, advice: str) -> None:
        check_varies(attack, scores, self.data.view.splits.rows["calibration"], advice)

    def _row(self, attack: str, kind: str, scores: Scores, **told: Any) -> RowScores:
        name = attack if kind == "attack" else f"{attack} {kind}"
        return RowScores(name, kind, attack, scores, protocol=self.protocol, **told)


@final
class HeadScorer(Scorer[AuditDataModule, Attack]):
    """Trains a head for every attack and control; a control that several attacks share is trained once.

    Raises:
        LitMiaError: If the datamodule cannot serve an attack or a control.
    """

    name = "head"
    protocol = "heads"

    def __init__(self, data: AuditDataModule, attacks: Sequence[AuditedAttack], means: Means) -> None:
        super().__init__(data, [attack for attack in attacks if isinstance(attack, Attack)], means)
        self._known: dict[tuple[str, str], Scores] = {}
        controls = [control for attack in self.attacks for control in self.controls(attack).values()]
        for head in (*self.attacks, *controls):
            data.check_head(head)
        self._unequal = {attack.name: unequal(attack, self.controls(attack)) for attack in self.attacks}
        for sentence in filter(None, self._unequal.values()):
            logger.warning(sentence)

    def controls(self, attack: Attack) -> dict[str, Attack]:
        """Those that the attack declares, and those of captions where the datamodule embeds any."""
        embedded = {"image_embedding", "text_embedding"} <= self.data.provides()
        return controls_of(attack, captioned=embedded and self.is_told(attack))

    def announce(self) -> None:
        """Nothing: what a datamodule asks does not depend on the attacks."""

    def query(self) -> None:
        """Fill the stores."""
        for data in self.sides().values():
            data.query()

    def rows(self, heads: Path) -> list[RowScores]:
        """Train all heads."""
        inputs = frozenset[str]().union(*(attack.inputs for attack in self.attacks))
        controls = [control for attack in self.attacks for control in self.controls(attack).values()]
        self.data.prepare(inputs.union(*(control.inputs for control in controls)))
        if self._placebo is not None:
            self._placebo.prepare(inputs)
        return [row for attack in self.attacks for row in self._rows_of(attack, heads / f"{attack.name}.ckpt")]

    def likeness(self) -> Mapping[str, tuple[Similarity, Similarity]]:
        """Images of captions are compared with the records themselves, the same for every attack."""
        if not isinstance(self.data, AuxiliaryDataModule) or not isinstance(self._placebo, AuxiliaryDataModule):
            return {}
        both = self.data.likeness(), self._placebo.likeness()
        return {attack.name: both for attack in self.attacks}

    def _rows_of(self, attack: Attack, checkpoint: Path) -> list[RowScores]:
        name, scores = attack.name, self._scores(attack, self.data, checkpoint)
        self._check_varies(name, scores, _DEAD_HEAD)
        tools = bool(self.data.captioner_fingerprint()) or reads_embeddings(attack)
        told = {"captioned": self._captioned(attack), "unequal": self._unequal[name], "tools": tools}
        rows = [self._row(name, "attack", scores, **told), *self._control_rows(attack, checkpoint)]
        if self._placebo is not None:
            rows.append(self._row(name, "placebo", self._scores(attack, self._placebo)))
        print(f"{name}: head and controls trained", flush=True)
        return rows

    def _scores(self, attack: Attack, data: AuditDataModule, checkpoint: Path | None = None) -> Scores:
        key = (str(data.store_path), same_training(attack))
        if key not in self._known:
            self._known[key] = train_seeds(attack, data, self._budget, checkpoint)
        return self._known[key]


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
            told = {"setting": describe(setting), "evaluations": count}
            seen = {"captioned": self._captioned(attack), "unequal": self._unequal}
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


def reads_embeddings(attack: Attack) -> bool:
    """Whether a head reads what the attacker's encoder says."""
    return any(name.endswith("_embedding") for name in attack.inputs)


_DEAD_HEAD = (
    "It learned nothing from its inputs: lower `lr`, train longer, or look at what the target answered, which stays in "
    "the store."
)
_DEAD_STATISTIC = "Look at what the target answers about the records, or use another setting."
_NO_ENCODER = (
    "%s: captions are given, but the datamodule has no `encoder`, so there is no control of how well captions fit "
    "images (`joint`). Outside a verified coin the verdict is then at most `not evidence (controls incomplete)`."
)
