"""One trial: an audit of answers that are there, as if other records were the members."""

import io
from collections.abc import Iterator, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass, replace
from typing import final

import numpy as np
from numpy.typing import NDArray

from lit_mia.attacks import Attack, EachAlone
from lit_mia.attacks.controls.boosting import Floats as Table
from lit_mia.attacks.material import fits_together
from lit_mia.audits.membership import MembershipAudit
from lit_mia.audits.membership.scorer import inputs_of
from lit_mia.audits.membership.ways import AnyScorer
from lit_mia.audits.self_test.drawing import draw_labels
from lit_mia.audits.self_test.plantings import NOTHING, PLANTINGS
from lit_mia.audits.self_test.together import Together
from lit_mia.errors import LitMiaError
from lit_mia.metrics.auc import auc
from lit_mia.metrics.power import Power
from lit_mia.metrics.verdict import decide
from lit_mia.report.membership.evaluation import Combined
from lit_mia.report.membership.judging import gather, power_of
from lit_mia.report.membership.scores import RowScores

TOGETHER = 16
"""Trials whose heads learn together, from equal seeds."""
APART = 4
"""Trials of every attack that are written down together: their networks take long."""
POWERS = 10
"""So many trials of a kind compute the power that a report prints: it hardly depends on the labels."""
NO_VERDICT = "no verdict"
"""Where an audit would have ended with an error, such as a head whose scores are all the same."""
PLACEBO = "placebo"
"""Instead of a planting: the labels as they are, and the placebo's answers in the place of the target's."""


@dataclass(frozen=True)
class Trial:
    """Which audit.

    Attributes:
        planting: What labels are drawn by, a name of `PLANTINGS`, or `PLACEBO`.
        strength: By how much the log odds of being a member grow with each standard deviation of it.
        number: Number of the draw.
        every: Whether all attacks and controls take part, also networks that have to be trained one by one.
    """

    planting: str
    strength: float
    number: int
    every: bool

    @property
    def kind(self) -> tuple[str, float, bool]:
        """What it has in common with others of another number."""
        return self.planting, self.strength, self.every


@dataclass(frozen=True)
class Outcome:
    """What came of a trial.

    Attributes:
        trial: The trial.
        verdict: Its verdict.
        attacks: Attack → AUC on test.
        controls: Row of a control or placebo → AUC on test.
        planted_auc: AUC on test of what was planted; None of nothing.
        auc_needed: The AUC that its report would say is needed; None where that was not computed, or cannot be said.
    """

    trial: Trial
    verdict: str
    attacks: dict[str, float]
    controls: dict[str, float]
    planted_auc: float | None = None
    auc_needed: float | None = None


@final
class Trials:
    """Makes trials of an audit of which all was asked.

    Attributes:
        attacks: Names of the attacks that take part, in trials of every attack and in others.
        learn_together: Whether all attacks and controls can learn together with their copies of other labels, so that
            every attack takes part in all trials.

    Args:
        audit: The audit.
        seeds: Heads of each attack and control.
    """

    def __init__(self, audit: MembershipAudit, seeds: int) -> None:
        self.audit, self._budget = audit, replace(audit.budget, seeds=seeds)
        self._tables: dict[str, Table] = {}
        self._tilts: dict[str, NDArray[np.float64]] = {}
        self._prepare()
        self.attacks = {
            every: [a.name for scorer in audit.scorers for a in scorer.attacks if every or not scorer.learns_apart(a)]
            for every in (True, False)
        }
        controls = [(head, scorer.data) for scorer in audit.scorers for head in scorer.control_heads()]
        together = all(fits_together(*control) for control in controls)
        self.learn_together = together and self.attacks[True] == self.attacks[False]

    def _prepare(self) -> None:
        """Build what attacks and controls read."""
        for scorer in self.audit.scorers:
            heads = [*scorer.control_heads(), *(attack for attack in scorer.attacks if isinstance(attack, Attack))]
            scorer.data.prepare(inputs_of(heads))

    def tilt(self, planting: str) -> NDArray[np.float64]:
        """What labels are drawn by, `[n]`.

        Raises:
            PlantingError: If they cannot be.
        """
        if planting not in self._tilts:
            self._tilts[planting] = PLANTINGS[planting].tilt(self.audit.scorers, EachAlone())
        return self._tilts[planting]

    def outcomes(self, trials: Sequence[Trial]) -> Iterator[Outcome]:
        """What comes of some trials, whose heads are trained together.

        Args:
            trials: They differ in their number at most, and that not by `TOGETHER` or more.
        """
        first = trials[0]
        labels = np.stack([self._labels(trial) for trial in trials])
        seed = first.number // TOGETHER * self._budget.seeds
        learner = Together(labels, seed, apart=first.every, tables=self._tables)
        for learner.turn, trial in enumerate(trials):
            try:
                yield self._outcome(trial, self._scorers(labels[learner.turn], learner, first.every))
            except LitMiaError:
                yield Outcome(trial, NO_VERDICT, {}, {})

    # ------------------------------------------------------------------ one trial

    def _labels(self, trial: Trial) -> NDArray[np.int64]:
        view = self.audit.data.view
        labels = np.array(view.known.members, dtype=np.int64)
        if trial.planting == PLACEBO:
            return labels
        drawn_by = f"{trial.planting} {trial.strength}"
        return draw_labels(
            labels,
            view.known.groups,
            view.splits.rows.values(),
            tilt=trial.strength * self.tilt(trial.planting),
            rng=np.random.default_rng([trial.number, *drawn_by.encode()]),
        )

    def _scorers(self, labels: NDArray[np.int64], learner: Together, every: bool) -> list[AnyScorer]:
        """Scorers of the same answers with other labels."""
        found = []
        for scorer in self.audit.scorers:
            attacks = [attack for attack in scorer.attacks if attack.name in self.attacks[every]]
            if attacks:
                means = replace(scorer.means, budget=self._budget, learner=learner)
                found.append(scorer.relabelled(labels.tolist(), attacks, means))
        return found

    def _outcome(self, trial: Trial, scorers: Sequence[AnyScorer]) -> Outcome:
        with redirect_stdout(io.StringIO()):
            for scorer in scorers:
                scorer.announce()
                scorer.query()
            rows = [row for scorer in scorers for row in scorer.rows(None)]
        known = self.audit.circumstances(scorers)
        if trial.planting == PLACEBO:
            rows, known = placed(rows), replace(known, placebos={})
        combined = Combined.of(rows, scorers[0].data.view.known, scorers[0].data.view.splits)
        scores, test = combined.on_test, combined.test
        found = gather(rows, scores, test, known)
        verdict = decide(found.attacks, found.controls, known.design, verified=known.verified, power=Power(None))
        aucs = {row.name: (row.kind, auc(scores[row.name], test.labels)) for row in rows}
        return Outcome(
            trial,
            verdict.kind,
            {name: value for name, (kind, value) in aucs.items() if kind == "attack"},
            {name: value for name, (kind, value) in aucs.items() if kind != "attack"},
            planted_auc=self._planted_auc(trial, test.rows, test.labels),
            auc_needed=power_of(found, known).auc_needed if trial.number < POWERS else None,
        )

    def _planted_auc(self, trial: Trial, rows: NDArray[np.int64], labels: NDArray[np.int64]) -> float | None:
        if trial.planting in (NOTHING, PLACEBO):
            return None
        return auc(self.tilt(trial.planting)[rows], labels)


def placed(rows: Sequence[RowScores]) -> list[RowScores]:
    """The rows of the attacks that have a placebo, and of their controls, with the placebo in the target's place."""
    placebos = {row.attack: row.scores for row in rows if row.kind == "placebo"}
    return [
        replace(row, scores=placebos[row.attack]) if row.kind == "attack" else row
        for row in rows
        if row.attack in placebos and row.kind != "placebo"
    ]
