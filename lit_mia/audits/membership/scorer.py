"""What makes the rows of a membership audit: attacks and their controls, each with a score for every record."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Generic, Literal, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from datamodules import AskedDataModule, AuditDataModule, JudgedDataModule
from lit_mia.attacks import Attack, AuditedAttack, Budget, EachAlone, Learner, ResidualHead, check_varies
from lit_mia.attacks.controls import record_controls
from lit_mia.audits.membership.controls import Controls
from lit_mia.errors import HeadError
from lit_mia.report.membership.scores import RowScores, Scores
from lit_mia.targets.base import Target

Similarity = NDArray[np.float64]
"""How like the records some answers are, `[n]`; higher is closer."""
Data = TypeVar("Data", bound=JudgedDataModule)
Scored = TypeVar("Scored", bound=AuditedAttack)
StatisticProtocol = Literal["threshold", "resnet"]


@dataclass(frozen=True)
class Means:
    """What attacks are scored with.

    Attributes:
        budget: Seeds and epochs of whatever is trained.
        protocol: Of training-free attacks; None where there are none.
        head: Of the protocol `resnet` and of the blind control of training-free attacks; None where there are none.
        learner: How heads are trained.
        other_labels: Whether labels will be drawn anew, so that placebos are asked at every setting that these may
            choose.
    """

    budget: Budget
    protocol: StatisticProtocol | None = None
    head: ResidualHead | None = None
    learner: Learner = field(default_factory=EachAlone)
    other_labels: bool = False


class Scorer(ABC, Generic[Data, Scored]):
    """Asks the targets and scores all records by every attack of one way of scoring, and by its controls.

    Args:
        data: Records and the target's answers.
        attacks: The attacks.
        means: What they are scored with.

    Attributes:
        name: The way of scoring: `AuditedAttack.scored_by` of the attacks.
        protocol: Name of its entry in `PROTOCOLS`.
        placebo: The placebo's answers to the same questions, if there is one.
    """

    name: ClassVar[str]
    protocol: str

    def __init__(self, data: Data, attacks: Sequence[Scored], means: Means) -> None:
        self.data, self.attacks, self.means = data, attacks, means
        self.placebo: Data | None = None

    @abstractmethod
    def controls(self, attack: Scored) -> dict[str, Attack]:
        """The heads without the target that an attack has to beat, by kind."""

    def control_heads(self) -> list[Attack]:
        """The controls of all its attacks that are heads; one that several attacks share occurs several times."""
        return [head for attack in self.attacks for head in self.controls(attack).values()]

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

    def starts(self) -> Mapping[str, str]:
        """Attack → SHA-256 of the trained head that it starts from; mostly nothing."""
        return {}

    @abstractmethod
    def query(self) -> None:
        """Ask what is missing, and nothing more."""

    @abstractmethod
    def rows(self, heads: Path | None) -> list[RowScores]:
        """Train what has to be trained, and score, once everything was asked and what is refused was left out.

        Args:
            heads: Folder for trained heads; None keeps none.
        """

    def expect_other_labels(self) -> None:
        """Ask for all that scorers with other labels may choose from; called before anything is asked.

        Raises:
            HeadError: If the labels cannot be drawn anew.
        """
        if not isinstance(self.data, AuditDataModule):
            raise HeadError(
                f"A self-test draws the labels of one target anew, but {type(self.data).__name__} holds those of "
                "several. Test the audit whose heads learn on the attacked target's own records."
            )
        self.means = replace(self.means, other_labels=True)

    def relabelled(self, members: Sequence[int], attacks: Sequence[Scored], means: Means) -> Self:
        """The same answers with other labels of the known records, of target, base and placebo; asks nothing.

        Args:
            members: 1 or 0 for each known record.
            attacks: Those of its attacks that are scored.
            means: What they are scored with.

        Raises:
            HeadError: If the labels cannot be drawn anew.
        """
        other = type(self)(self.data.relabelled(members), attacks, means)
        other.placebo = None if self.placebo is None else self.placebo.relabelled(members)
        return other

    def add_placebo(self, target: Target, store: str) -> None:
        """Ask a target that saw neither side the same.

        Args:
            target: The target.
            store: Folder of its answers.
        """
        self.placebo = self.data.answered_by(target, store)
        self.placebo.prepare_data()

    def placed(self) -> list[str]:
        """Names of the attacks that have a placebo."""
        return [] if self.placebo is None else [attack.name for attack in self.attacks]

    @abstractmethod
    def likeness(self) -> Mapping[str, tuple[Similarity, ...]]:
        """By attack, how like each known record the answers are, `[n]`: the target's, and the placebo's if it has one.

        Both on one scale. Asks nothing. Empty where the answers cannot be compared with records.
        """

    @abstractmethod
    def learns_apart(self, attack: Scored) -> bool:
        """Whether an attack trains a network that cannot learn together with its copies of other labels.

        Args:
            attack: The attack; what it reads is prepared.
        """

    def sides(self) -> Mapping[str, AskedDataModule]:
        """Who is asked, by role: those of the datamodule, and `placebo` if there is one."""
        placebo = {} if self.placebo is None else {"placebo": self.placebo.sides()["target"]}
        return {**self.data.sides(), **placebo}

    @cached_property
    def _learned(self) -> dict[str, Controls]:
        """The controls by what their rows are called after, once records are prepared."""
        tables: dict[str, JudgedDataModule] = {"": self.data, **self.data.further_tables()}
        return {name: Controls(table, self.means.budget, self.means.learner) for name, table in tables.items()}

    def _captioned(self, attack: Scored) -> bool:
        return self.is_told(attack) and any(self.data.view.known.captions)

    def _control_rows(self, attack: Scored, heads: Path | None) -> list[RowScores]:
        controls, captioned, n = self.controls(attack), self._captioned(attack), len(self.data.view.known)
        return [
            self._row(attack.name, kind, one.scores[:, :n], called=name, setting=one.learner)
            for name, learned in self._learned.items()
            for kind, one in learned.of_attack(controls, captioned, kept(heads and heads / name, attack))
        ]

    def _check_varies(self, attack: str, scores: Scores, advice: str) -> None:
        check_varies(attack, scores, self.data.view.splits.rows["calibration"], advice)

    def _row(self, attack: str, kind: str, scores: Scores, *, called: str = "", **told: Any) -> RowScores:
        name = attack if kind == "attack" else f"{attack} {kind}{called and f' ({called})'}"
        return RowScores(name, kind, attack, scores, protocol=self.protocol, **told)


def kept(heads: Path | None, attack: AuditedAttack) -> Path | None:
    """Where the head of an attack is kept in a folder of heads, if it is."""
    return None if heads is None else heads / f"{attack.name}.ckpt"


def inputs_of(heads: Iterable[Attack]) -> frozenset[str]:
    """Names of all that some heads read together."""
    return frozenset[str]().union(*(head.inputs for head in heads))
