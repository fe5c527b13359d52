"""Attacks that are heads, trained on the pairs of a datamodule."""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, final

from datamodules import JudgedDataModule
from lit_mia.attacks import Attack, AuditedAttack, controls_of, same_training
from lit_mia.attacks.checkpoints import Start
from lit_mia.attacks.controls import unequal
from lit_mia.attacks.data import marks
from lit_mia.attacks.material import fits_together
from lit_mia.attacks.training import is_first
from lit_mia.audits.membership.scorer import Means, Scorer, Similarity, inputs_of, kept
from lit_mia.errors import HeadError
from lit_mia.queries.progress import progress, say
from lit_mia.report.membership.scores import RowScores, Scores

logger = logging.getLogger(__name__)


@final
class HeadScorer(Scorer[JudgedDataModule, Attack]):
    """Trains a head for every attack and control; a control that several attacks share is trained once.

    Raises:
        LitMiaError: If the datamodule cannot serve an attack or a control.
    """

    name = "head"
    protocol = "heads"

    def __init__(self, data: JudgedDataModule, attacks: Sequence[AuditedAttack], means: Means) -> None:
        super().__init__(data, [attack for attack in attacks if isinstance(attack, Attack)], means)
        self._known: dict[tuple[str, str], Scores] = {}
        for head in (*self.attacks, *self.control_heads()):
            data.check_head(head)
        self._unequal = {attack.name: unequal(attack, self.controls(attack)) for attack in self.attacks}
        for sentence in filter(None, self._unequal.values()):
            logger.warning(sentence)

    def controls(self, attack: Attack) -> dict[str, Attack]:
        """Those that the attack declares, and those of captions where the datamodule embeds any."""
        embedded = {"image_embedding", "text_embedding"} <= self.data.provides()
        return controls_of(attack, captioned=embedded and self.is_told(attack))

    def announce(self) -> None:
        """What a datamodule asks does not depend on the attacks; but what they start from must be there.

        Raises:
            HeadError: If a checkpoint is not there, or learned from other inputs or from a record that is tested.
        """
        tested = marks(self.data.view.known, self.data.view.splits.rows["test"])
        for attack in (*self.attacks, *self.control_heads()):
            if start := Start.of(attack.hparams):
                start.check(attack.name, self.data.origin(attack))
        for name, start in self._starts().items():
            if both := tested & start.learned:
                raise HeadError(
                    f"{name} starts from a head that learned from records of the test split, or from others of their "
                    f"groups ({len(both)} ids and groups). Train it on records that are not tested: with the same "
                    "`split_seed` and `fractions`, records of several audits are in one split of all, but for those "
                    "that a very small audit moved to fill a split."
                )

    def query(self) -> None:
        """Fill the stores."""
        for data in self.sides().values():
            data.query()

    def rows(self, heads: Path | None) -> list[RowScores]:
        """Train all heads."""
        inputs = inputs_of(self.attacks)
        controls = self.control_heads()
        without_target = inputs_of(controls)
        self.data.prepare(inputs | without_target)
        for table in self.data.further_tables().values():
            table.prepare(without_target)
        if self.placebo is not None:
            self.placebo.prepare(inputs)
        asked = [(attack, side) for attack in self.attacks for side in self._answered()]
        asked += [(control, self.data) for control in controls if self.means.learner.trains(control, self.data)]
        self.means.learner.ahead(asked, self.means.budget)
        with progress("score attacks and controls", len(self.attacks), "attacks") as bar:
            return [row for attack in bar.over(self.attacks) for row in self._rows_of(attack, heads)]

    def starts(self) -> dict[str, str]:
        """See `Scorer`."""
        return {name: start.digest for name, start in self._starts().items()}

    def _starts(self) -> dict[str, Start]:
        found = {attack.name: Start.of(attack.hparams) for attack in self.attacks}
        return {name: start for name, start in found.items() if start is not None}

    def likeness(self) -> Mapping[str, tuple[Similarity, ...]]:
        """Images of captions are compared with the records themselves, the same for every attack."""
        sides = self._answered()
        found = [found for found in (side.likeness() for side in sides) if found is not None]
        return {attack.name: tuple(found) for attack in self.attacks} if len(found) == len(sides) else {}

    def learns_apart(self, attack: Attack) -> bool:
        """See `Scorer`; all that is no MLP."""
        return not fits_together(attack, self.data)

    def _answered(self) -> list[JudgedDataModule]:
        """The target's answers, and the placebo's if there is one."""
        return [self.data, *([] if self.placebo is None else [self.placebo])]

    def _rows_of(self, attack: Attack, heads: Path | None) -> list[RowScores]:
        name, scores = attack.name, self._scores(attack, self.data, kept(heads, attack))
        self._check_varies(name, scores, _DEAD_HEAD)
        tools = bool(self.data.captioner_fingerprint()) or reads_embeddings(attack)
        told: dict[str, Any] = {"captioned": self._captioned(attack), "unequal": self._unequal[name], "tools": tools}
        own = self._row(name, "attack", scores, access=attack.level, **told)
        rows = [own, *self._control_rows(attack, heads)]
        if self.placebo is not None:
            rows.append(self._row(name, "placebo", self._scores(attack, self.placebo)))
        if is_first(self.means.budget):
            say(f"{name}: head and controls trained")
        return rows

    def _scores(self, attack: Attack, data: JudgedDataModule, checkpoint: Path | None = None) -> Scores:
        key = (str(data.store_path), same_training(attack))
        if key not in self._known:
            self._known[key] = self.means.learner.network(attack, data, self.means.budget, checkpoint)
        return self._known[key]


def reads_embeddings(attack: Attack) -> bool:
    """Whether a head reads what the attacker's encoder says."""
    return any(name.endswith("_embedding") for name in attack.inputs)


_DEAD_HEAD = (
    "It learned nothing from its inputs: lower `lr`, train longer, or look at what the target answered, which stays in "
    "the store."
)
