"""From the test scores of attacks and controls to the evidence of the verdict rule, the verdict and its power."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from lit_mia.metrics.auc import auc
from lit_mia.metrics.comparison import compare
from lit_mia.metrics.evidence import BY_COIN, LEVEL, AttackEvidence, Comparison, ControlEvidence, Design, PlaceboCheck
from lit_mia.metrics.intervals import Measured, measure
from lit_mia.metrics.permutation import own_tests
from lit_mia.metrics.power import Clause, Power, auc_needed, null_aucs, violation_found
from lit_mia.metrics.retrieval import Retrieval
from lit_mia.metrics.shift import SHIFT
from lit_mia.metrics.verdict import TOOL_LEVEL, Verdict, decide
from lit_mia.report.membership.scores import Part, RowScores, Scores

NOT_SEEING = frozenset({"attack", "placebo", "metadata", "base"})
"""Kinds of rows that are no control which sees the records without a target, and more of them than their metadata."""


@dataclass(frozen=True)
class Circumstances:
    """What is known of an audit beside its scores.

    Attributes:
        design: How the members came to be members.
        verified: Whether that was a coin, and checked.
        placebos: Attack → check of its placebo; without those that have none.
        tools: How well captions find their own images; None if that was not checked.
    """

    design: Design
    verified: bool = False
    placebos: Mapping[str, PlaceboCheck] = field(default_factory=dict)
    tools: Retrieval | None = None

    @property
    def tools_fail(self) -> bool:
        """Whether captions find their own images no more often than by chance (1 %)."""
        return self.tools is not None and self.tools.p >= TOOL_LEVEL


@dataclass(frozen=True, eq=False)
class Gathered:
    """The evidence of an audit, and what it comes from.

    Attributes:
        attacks: Evidence of each attack, compared with controls under the names that these have among all.
        controls: Evidence of all controls, a shared one once.
        measured: The AUCs on test: of the attacks, then of the controls.
        named: Attack → name of a control's row → name of that control among all.
    """

    attacks: Sequence[AttackEvidence]
    controls: Sequence[ControlEvidence]
    measured: Measured
    named: Mapping[str, Mapping[str, str]]


@dataclass(frozen=True)
class Judgement:
    """What the test split says.

    Attributes:
        verdict: The verdict.
        power: What the rule finds.
        against: Attack → name of a control's row → comparison of the two.
        p_own: Attack → one-sided p of its AUC being at most 0.5.
    """

    verdict: Verdict
    power: Power
    against: Mapping[str, Mapping[str, Comparison]]
    p_own: Mapping[str, float]


def judge(rows: Sequence[RowScores], scores: Mapping[str, Scores], test: Part, known: Circumstances) -> Judgement:
    """Apply the verdict rule to the test split.

    Args:
        rows: Attacks and controls.
        scores: Name of row → score of each record of test, `[n]`.
        test: Labels and groups.
        known: What is known beside.
    """
    gathered = gather(rows, scores, test, known)
    power = power_of(gathered, known)
    verdict = decide(gathered.attacks, gathered.controls, known.design, verified=known.verified, power=power)
    against = {
        attack.name: {row: attack.against[name] for row, name in gathered.named[attack.name].items()}
        for attack in gathered.attacks
    }
    return Judgement(verdict, power, against, {attack.name: attack.p_own for attack in gathered.attacks})


def gather(rows: Sequence[RowScores], scores: Mapping[str, Scores], test: Part, known: Circumstances) -> Gathered:
    """Test every attack and control against 0.5, and every attack against its controls.

    Args:
        rows: Attacks and controls.
        scores: Name of row → score of each record of test, `[n]`.
        test: Labels and groups.
        known: What is known beside.
    """
    attacks, names = [row for row in rows if row.kind == "attack"], shared_names(rows, scores)
    named = {
        attack.name: {row.name: names[row.name] for row in rows if row.attack == attack.name and row is not attack}
        for attack in attacks
    }
    of_attacks = np.stack([scores[attack.name] for attack in attacks])
    distinct = {name: scores[row] for row, name in names.items()}
    measured = measure(np.stack([*of_attacks, *distinct.values()]), test.labels, test.groups)
    places = {name: place for place, name in enumerate(distinct, start=len(attacks))}
    controls = _controls(rows, names, distinct, test)
    turned = _turned(controls)
    own = own_tests(of_attacks, test.labels, test.groups)
    evidence = [
        AttackEvidence(
            name=attack.name,
            p_own=float(own.above[place]),
            p_own_adjusted=float(own.adjusted[place]),
            against={
                name: compare(measured, place, places[name], mirrored=name in turned)
                for name in named[attack.name].values()
            },
            missing=missing_controls(attack, rows),
            placebo=known.placebos.get(attack.name),
            tool_failed=attack.tools and known.tools_fail,
            reads_base=attack.reads_base,
        )
        for place, attack in enumerate(attacks)
    ]
    return Gathered(evidence, controls, measured, named)


def power_of(gathered: Gathered, known: Circumstances) -> Power:
    """What the rule finds four times in five, by the strongest finding that all attacks can have.

    Args:
        gathered: The evidence.
        known: What is known beside.
    """
    places = {control.name: place for place, control in enumerate(gathered.controls, start=len(gathered.attacks))}
    null = null_aucs(gathered.measured)
    against = [[places[name] for name in attack.against] for attack in gathered.attacks]
    needed = auc_needed(null, against, _clause(gathered.attacks, known))
    return Power(needed, violation_found(null, len(gathered.controls)) if known.verified else None)


def shared_names(rows: Sequence[RowScores], scores: Mapping[str, Scores]) -> dict[str, str]:
    """Name of each control's row → its name among the controls, of which one that several attacks share is one.

    Args:
        rows: Attacks and controls.
        scores: Name of row → score of each record, `[n]`.
    """
    controls = [row for row in rows if row.kind != "attack"]
    first: dict[bytes, RowScores] = {}
    for row in controls:
        first.setdefault(scores[row.name].tobytes(), row)
    kinds = Counter(row.kind for row in first.values())
    called = {content: row.kind if kinds[row.kind] == 1 else row.name for content, row in first.items()}
    return {row.name: called[scores[row.name].tobytes()] for row in controls}


def missing_controls(attack: RowScores, rows: Sequence[RowScores]) -> tuple[str, ...]:
    """What the controls of an attack lack: all of them, those of captions and of the base if it reads them, its data.

    One that sees only metadata, as every attack has it, sees nothing of what the attack does; one that sees only what
    the base says does not see the records themselves.

    Args:
        attack: The attack.
        rows: Attacks and controls.
    """
    kinds = {row.kind for row in rows if row.attack == attack.name}
    if kinds <= NOT_SEEING:
        return ("all controls that see the records without the target",)
    lacking = {
        "the joint control of caption and image": attack.captioned and "joint" not in kinds,
        "the base control": attack.reads_base and "base" not in kinds,
        "controls that saw as much data as the attack": attack.unequal is not None,
    }
    return tuple(name for name, holds in lacking.items() if holds)


def _controls(
    rows: Sequence[RowScores], names: Mapping[str, str], distinct: Mapping[str, Scores], test: Part
) -> list[ControlEvidence]:
    if not distinct:
        return []
    kinds = {names[row.name]: row.kind for row in reversed(rows) if row.kind != "attack"}
    tests = own_tests(np.stack([*distinct.values()]), test.labels, test.groups)
    return [
        ControlEvidence(name, kinds[name], auc(distinct[name], test.labels), float(p))
        for name, p in zip(distinct, tests.two_sided, strict=True)
    ]


def _turned(controls: Sequence[ControlEvidence]) -> set[str]:
    """Controls below 0.5, each by itself (two-sided): turned round they may tell the sides apart."""
    return {control.name for control in controls if control.auc < 0.5 and control.p_two_sided <= LEVEL}


def _clause(attacks: Sequence[AttackEvidence], known: Circumstances) -> Clause:
    """What the strongest finding asks for that all attacks can have."""
    if known.verified:
        return Clause(coin=True, factor=None)
    coin = known.design in BY_COIN
    needing = [attack for attack in attacks if attack.reads_base or not coin]
    valid = all(attack.placebo is not None and attack.placebo.valid for attack in needing)
    if coin:
        return Clause(coin=True, factor=SHIFT if needing else 1.0, silent=not valid)
    return Clause(coin=False, factor=SHIFT if valid else 1.0, silent=not valid)
