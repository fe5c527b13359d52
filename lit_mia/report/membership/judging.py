"""From the test scores of attacks and controls to the evidence of the verdict rule, the verdict and its power."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from lit_mia.metrics.auc import auc
from lit_mia.metrics.comparison import compare
from lit_mia.metrics.covariance import Aucs
from lit_mia.metrics.evidence import BY_COIN, AttackEvidence, Comparison, ControlEvidence, Design, PlaceboCheck
from lit_mia.metrics.permutation import own_tests
from lit_mia.metrics.power import Clause, Power, auc_needed, null_aucs, violation_found
from lit_mia.metrics.retrieval import Retrieval
from lit_mia.metrics.shift import SHIFT
from lit_mia.metrics.verdict import LEVEL, TOOL_LEVEL, Verdict, decide, readers
from lit_mia.report.membership.scores import Part, RowScores, Scores


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
    placebos: Mapping[str, PlaceboCheck] | None = None
    tools: Retrieval | None = None

    @property
    def tools_fail(self) -> bool:
        """Whether captions find their own images no more often than by chance (1 %)."""
        return self.tools is not None and self.tools.p >= TOOL_LEVEL


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
    attacks, names = [row for row in rows if row.kind == "attack"], shared_names(rows, scores)
    distinct = {name: scores[row] for row, name in names.items()}
    controls = _controls(rows, names, distinct, test)
    against = {
        attack.name: {row.name: names[row.name] for row in rows if row.attack == attack.name and row is not attack}
        for attack in attacks
    }
    turned = _turned(controls, known.design)
    compared = {
        attack.name: {
            name: compare(scores[attack.name], distinct[name], test.labels, test.groups, mirrored=name in turned)
            for name in against[attack.name].values()
        }
        for attack in attacks
    }
    failed = {attack.name for attack in attacks if attack.tools and known.tools_fail}
    own = own_tests(np.stack([scores[attack.name] for attack in attacks]), test.labels, test.groups)
    evidence = [
        AttackEvidence(
            name=attack.name,
            p_own=float(own.above[place]),
            p_own_adjusted=float(own.adjusted[place]),
            against=compared[attack.name],
            missing=missing_controls(attack, rows),
            placebo=(known.placebos or {}).get(attack.name),
            tool_failed=attack.name in failed,
        )
        for place, attack in enumerate(attacks)
    ]
    every = {attack.name: scores[attack.name] for attack in attacks} | distinct
    places = {name: place for place, name in enumerate(every)}
    power = _power(
        null_aucs(np.stack([*every.values()]), test.labels, test.groups),
        [[places[name] for name in compared[attack.name]] for attack in attacks],
        _clause(evidence, known),
        known,
    )
    verdict = decide(evidence, controls, known.design, verified=known.verified, power=power)
    named = {
        attack: {row: compared[attack][name] for row, name in of_rows.items()} for attack, of_rows in against.items()
    }
    return Judgement(verdict, power, named, {attack.name: attack.p_own for attack in evidence})


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
    """What the controls of an attack lack: all of them, or the joint one of an attack that is given captions.

    Args:
        attack: The attack.
        rows: Attacks and controls.
    """
    kinds = {row.kind for row in rows if row.attack == attack.name} - {"attack", "placebo"}
    if not kinds:
        return ("all controls without the target",)
    return ("the joint control of caption and image",) if attack.captioned and "joint" not in kinds else ()


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


def _turned(controls: Sequence[ControlEvidence], design: Design) -> set[str]:
    """Controls below 0.5 that tell the sides apart, so that they do it turned round too."""
    reading = (
        {control.name for control in controls if control.p_two_sided <= LEVEL}
        if design in BY_COIN
        else set(readers(controls))
    )
    return {control.name for control in controls if control.auc < 0.5} & reading


def _clause(attacks: Sequence[AttackEvidence], known: Circumstances) -> Clause:
    """What the strongest finding asks for that all attacks can have."""
    if known.design in BY_COIN:
        return Clause(coin=True, factor=None if known.verified else 1.0)
    valid = all(attack.placebo is not None and attack.placebo.valid for attack in attacks)
    return Clause(coin=False, factor=SHIFT if valid else 1.0, silent=not valid)


def _power(null: Aucs, against: Sequence[Sequence[int]], clause: Clause, known: Circumstances) -> Power:
    needed = auc_needed(null, against, clause)
    controls = len(null.values) - len(against)
    return Power(needed, violation_found(null, controls) if known.verified else None)
