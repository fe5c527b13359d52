"""What makes the rows of a membership audit: attacks and their controls, each with a score for every record."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Generic, Literal, TypeVar, final

import numpy as np
from numpy.typing import NDArray

from datamodules import AuditDataModule, AuxiliaryDataModule, StatisticDataModule, Wanted
from lit_mia.attacks import Attack, AuditedAttack, Budget, ResidualHead, controls_of, same_training, train_seeds
from lit_mia.attacks.statistics.base import Setting, StatisticAttack, describe
from lit_mia.attacks.statistics.round_trip import RoundTrip
from lit_mia.errors import HeadError
from lit_mia.metrics.auc import auc
from lit_mia.registry import Registry
from lit_mia.report.membership.scores import RowScores, Scores
from lit_mia.targets.base import AccessLevel, Target

Similarity = NDArray[np.float64]
"""How like the records some answers are, `[n]`; higher is closer."""
Data = TypeVar("Data", bound=AuditDataModule)
Scored = TypeVar("Scored", bound=AuditedAttack)
StatisticProtocol = Literal["threshold", "resnet"]


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

    @abstractmethod
    def control_kinds(self) -> set[str]:
        """Kinds of the controls that its rows will have."""

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
        self._controls = {attack.name: controls_of(attack) for attack in self.attacks}
        for head in (*self.attacks, *self._all_controls):
            data.check_head(head)

    def control_kinds(self) -> set[str]:
        """Those that the attacks declare, and the placebo."""
        return {"placebo"}.union(*(attack.controls for attack in self.attacks))

    def announce(self) -> None:
        """Nothing: what a datamodule asks does not depend on the attacks."""

    def query(self) -> None:
        """Fill the stores."""
        for data in self.sides().values():
            data.query()

    def rows(self, heads: Path) -> list[RowScores]:
        """Train all heads."""
        inputs = frozenset[str]().union(*(attack.inputs for attack in self.attacks))
        self.data.prepare(inputs.union(*(control.inputs for control in self._all_controls)))
        if self._placebo is not None:
            self._placebo.prepare(inputs)
        return [row for attack in self.attacks for row in self._rows_of(attack, heads / f"{attack.name}.ckpt")]

    def likeness(self) -> Mapping[str, tuple[Similarity, Similarity]]:
        """Images of captions are compared with the records themselves, the same for every attack."""
        if not isinstance(self.data, AuxiliaryDataModule) or not isinstance(self._placebo, AuxiliaryDataModule):
            return {}
        both = self.data.likeness(), self._placebo.likeness()
        return {attack.name: both for attack in self.attacks}

    @property
    def _all_controls(self) -> list[Attack]:
        return [control for controls in self._controls.values() for control in controls.values()]

    def _rows_of(self, attack: Attack, checkpoint: Path) -> list[RowScores]:
        name = attack.name
        tools = bool(self.data.captioner_fingerprint()) or reads_embeddings(attack)
        rows = [self._row(name, "attack", self._scores(attack, self.data, checkpoint), tools=tools)]
        rows += [
            self._row(name, kind, self._scores(control, self.data)) for kind, control in self._controls[name].items()
        ]
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

    def control_kinds(self) -> set[str]:
        """The head on images alone, the autoencoder, and the placebo."""
        return {"placebo", *controls_of(self._head), *(control.name for control in self._round_trip)}

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
        (blind,) = controls_of(self._head).values()
        self.data.show(blind.inputs)
        shared = {"blind": train_seeds(blind, self.data, self._budget)}
        shared |= {control.name: self._scores(self.data, control, {}) for control in self._round_trip}
        rows = []
        for attack, setting in zip(self.attacks, self._chosen, strict=True):
            name = attack.name
            own = self._scores(self.data, attack, setting, heads / f"{name}.ckpt")
            count = self.data.evaluations(attack, setting) if attack.level is AccessLevel.DENOISE else None
            told = {"setting": describe(setting), "evaluations": count}
            rows.append(self._row(name, "attack", own, **told))
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


AnyScorer = Scorer[Any, Any]
WAYS_OF_SCORING: Registry[type[AnyScorer]] = Registry("way of scoring", (HeadScorer, StatisticScorer))
"""What an attack's `scored_by` leads to; a package outside adds one with `WAYS_OF_SCORING.add`."""


def scorers_of(data: Sequence[AuditDataModule], attacks: Sequence[AuditedAttack], means: Means) -> list[AnyScorer]:
    """A scorer for each way of scoring that the attacks need; every attack is scored, or refused here.

    Args:
        data: Datamodules over the same records; the first that serves a way is used for it.
        attacks: The attacks.
        means: What they are scored with.

    Raises:
        HeadError: If there is no scorer for an attack, or no datamodule that serves it, or a datamodule too many.
    """
    by_way: dict[str, list[AuditedAttack]] = {}
    for attack in attacks:
        if attack.scored_by not in WAYS_OF_SCORING:
            raise HeadError(
                f"{attack.name} is scored by a {attack.scored_by}, which an audit of records does not know; it knows "
                f"{', '.join(way.name for way in WAYS_OF_SCORING)}. IDIA is for `people:`, e.g. audit/idia_demo."
            )
        by_way.setdefault(attack.scored_by, []).append(attack)
    serving = {way: _serving(way, data, of_way) for way, of_way in by_way.items()}
    if "statistic" not in by_way and (means.protocol is not None or means.head is not None):
        raise HeadError("`protocol` and `head` are for training-free attacks; trained heads have neither.")
    idle = [type(one).__name__ for one in data if one not in serving.values()]
    if idle:
        raise HeadError(f"No attack needs the answers of {', '.join(idle)}. Leave it out, or add attacks that do.")
    return [WAYS_OF_SCORING[way](serving[way], of_way, means) for way, of_way in by_way.items()]


def _serving(way: str, data: Sequence[AuditDataModule], attacks: Sequence[AuditedAttack]) -> AuditDataModule:
    for one in data:
        if way in one.scored_by:
            return one
    raise HeadError(
        f"{' and '.join(type(one).__name__ for one in data)} does not serve {', '.join(a.name for a in attacks)}. "
        "Training-free attacks need a StatisticDataModule, trained heads an AuxiliaryDataModule; an audit of both has "
        "one as `data` and the other as `also`."
    )
