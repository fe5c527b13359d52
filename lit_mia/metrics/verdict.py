"""The verdict of an audit: does an attack tell more than can be told without the target?

One primary metric, the AUC, and one level, 5 % one-sided. What counts as evidence depends on how members came to be
members: under a coin, that the attack is above chance; where they were merely held out, that no shift between the two
sides explains it. `docs/verdict.md` has the rule as one table.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from lit_mia.errors import MetricError
from lit_mia.metrics.evidence import (
    BY_COIN,
    COIN_LEVEL,
    KINDS,
    LEVEL,
    AttackEvidence,
    Comparison,
    ControlEvidence,
    Design,
    Kind,
)
from lit_mia.metrics.holm import holm
from lit_mia.metrics.power import Power
from lit_mia.metrics.sentences import Told, sentence_of

TOOL_LEVEL = 0.01


@dataclass(frozen=True)
class Verdict:
    """The outcome of an audit.

    Attributes:
        kind: The outcome of the audit: of those of its attacks, the first in the order of `Kind`.
        sentence: The outcome in plain English, with what it does not exclude.
        outcomes: The outcome of each attack.
        adjusted_p: Per attack, the p of what its design asks for, adjusted for all attacks: under a coin of its own
            test, else of being beyond every control and placebo (by `lit_mia.metrics.shift.SHIFT`).
    """

    kind: Kind
    sentence: str
    outcomes: dict[str, Kind]
    adjusted_p: dict[str, float]


@dataclass(frozen=True)
class _Facts:
    """What is the same for all attacks of an audit.

    Attributes:
        design: How the members came to be members.
        verified: Whether that was a coin, and checked.
        readers: Controls whose AUC differs from 0.5, in the sense of the design.
        above: Attacks above 0.5, after Holm's correction.
    """

    design: Design
    verified: bool
    readers: tuple[str, ...]
    above: tuple[str, ...]


def decide(
    attacks: Sequence[AttackEvidence],
    controls: Sequence[ControlEvidence],
    design: Design,
    *,
    verified: bool,
    power: Power,
) -> Verdict:
    """Apply the verdict rule.

    Args:
        attacks: Evidence of each attack, at least one.
        controls: All controls and placebos, a shared one once.
        design: How members and non-members came about.
        verified: Whether a coin was checked; only of `randomized_split` and `canary`.
        power: What the rule finds.

    Raises:
        MetricError: If attacks are missing or share a name, a p-value is out of range, an attack is compared with an
            unknown control, or a verified coin is claimed for a design without one.
    """
    _check(attacks, controls, design, verified)
    judged = [attack for attack in attacks if not attack.tool_failed]
    facts = _Facts(
        design,
        verified,
        readers(controls, COIN_LEVEL if verified else LEVEL),
        _significant({attack.name: attack.p_own for attack in judged}),
    )
    p = adjusted_p(judged, controls, design, verified)
    weaker = holm({attack.name: _largest(attack, "p_better") for attack in judged})
    outcomes: dict[str, Kind] = dict.fromkeys((attack.name for attack in attacks), "tool failure")
    for attack in judged:
        found, better = p[attack.name] <= LEVEL, weaker[attack.name] <= LEVEL
        outcomes[attack.name] = (
            _by_coin(attack, facts, found) if design in BY_COIN else _held_out(attack, facts, found, better)
        )
    kind = min(outcomes.values(), key=KINDS.index)
    finders = [name for name, outcome in outcomes.items() if outcome == kind]
    told = Told(kind, finders, facts.readers, attacks, coin=design in BY_COIN, verified=verified)
    adjusted = {attack.name: p.get(attack.name, 1.0) for attack in attacks}
    return Verdict(kind, sentence_of(told, power), outcomes, adjusted)


def adjusted_p(
    attacks: Sequence[AttackEvidence], controls: Sequence[ControlEvidence], design: Design, verified: bool
) -> dict[str, float]:
    """Per attack, the p of what the strongest finding of its design asks for, adjusted for all attacks.

    Args:
        attacks: Evidence of each attack.
        controls: All controls and placebos.
        design: How members and non-members came about.
        verified: Whether a coin was checked.
    """
    if design not in BY_COIN:
        return holm({attack.name: _largest(attack, "p_shift") for attack in attacks})
    suspicious = set() if verified else {control.name for control in controls if control.p_two_sided <= LEVEL}
    return {
        attack.name: max(
            attack.p_own_adjusted,
            *(_p_of_stated(attack, attack.against[name]) for name in suspicious & attack.against.keys()),
            0.0,
        )
        for attack in attacks
    }


def _p_of_stated(attack: AttackEvidence, comparison: Comparison) -> float:
    """What an attack has to refuse of a control where a coin was only stated; as held out, if it reads the base."""
    return comparison.p_shift if attack.reads_base else comparison.p_better


def readers(controls: Sequence[ControlEvidence], level: float = LEVEL) -> tuple[str, ...]:
    """The controls whose AUC differs from 0.5, on either side, after Holm's correction: they tell the two sides apart.

    Args:
        controls: All controls and placebos, a shared one once.
        level: Two-sided level, of all together.
    """
    return _significant({control.name: control.p_two_sided for control in controls}, level)


def _by_coin(attack: AttackEvidence, facts: _Facts, found: bool) -> Kind:
    """The outcome of an attack where a coin decided who is a member."""
    if facts.verified and facts.readers:
        return "design violated"
    if not found:
        return _without_finding(attack, facts)
    if facts.verified:
        return "leakage beyond controls"
    if attack.missing:
        return "not evidence (controls incomplete)"
    if attack.reads_base and not _valid(attack):
        return "confounded" if facts.readers else _without_placebo(attack)
    return "leakage beyond controls"


def _held_out(attack: AttackEvidence, facts: _Facts, found: bool, better: bool) -> Kind:
    """The outcome of an attack where members were not drawn by a coin."""
    if not better or (facts.readers and not _valid(attack)):
        return _without_finding(attack, facts)
    if facts.design == "post_hoc":
        return "not evidence (post hoc design)"
    if attack.missing:
        return "not evidence (controls incomplete)"
    if not _valid(attack):
        return _without_placebo(attack)
    if found:
        return "leakage beyond controls"
    return "suggestive (a shift read up to 1.5 times better would explain it)"


def _valid(attack: AttackEvidence) -> bool:
    """Whether an attack has a placebo that can stand for a target that saw neither side."""
    return attack.placebo is not None and attack.placebo.valid


def _without_placebo(attack: AttackEvidence) -> Kind:
    """The outcome of an attack that has no valid placebo and needs one."""
    return "suggestive (no placebo)" if attack.placebo is None else "suggestive (weak placebo)"


def _without_finding(attack: AttackEvidence, facts: _Facts) -> Kind:
    """Whether a shift may be what an attack sees, or nothing was seen."""
    above = attack.name in facts.above
    return "confounded" if above and facts.readers else "not detected at this power"


def _largest(attack: AttackEvidence, test: Literal["p_better", "p_shift"]) -> float:
    """The largest p of an attack's own test and of one against each control: all have to be refused."""
    return max([attack.p_own, *(float(getattr(comparison, test)) for comparison in attack.against.values())])


def _significant(p: Mapping[str, float], level: float = LEVEL) -> tuple[str, ...]:
    return tuple(name for name, adjusted in holm(p).items() if adjusted <= level)


def _check(attacks: Sequence[AttackEvidence], controls: Sequence[ControlEvidence], design: str, verified: bool) -> None:
    names, known = [attack.name for attack in attacks], [control.name for control in controls]
    if not names or len(set(names)) != len(names) or len(set(known)) != len(known):
        raise MetricError(
            f"A verdict needs at least one attack and unique names, but the attacks are {names}, the controls {known}."
        )
    if design not in get_args(Design):
        raise MetricError(f"`design` must be one of {', '.join(get_args(Design))}, but got {design!r}.")
    if verified and design not in BY_COIN:
        raise MetricError(f"Only a coin can be verified, but the design is {design}. Use one of {', '.join(BY_COIN)}.")
    unknown = sorted({name for attack in attacks for name in attack.against} - set(known))
    if unknown:
        raise MetricError(f"Attacks are compared with {unknown}, which are not among the controls {known}.")
    given = {f"{control.name} against 0.5": control.p_two_sided for control in controls}
    for attack in attacks:
        given |= {f"{attack.name} against 0.5": attack.p_own, f"{attack.name}, adjusted": attack.p_own_adjusted}
        for name, comparison in attack.against.items():
            given |= {f"{attack.name} against {name}": comparison.p_better}
            given |= {f"{attack.name} beyond {name}": comparison.p_shift}
    wrong = {name: p for name, p in given.items() if not 0 <= p <= 1}
    if wrong:
        raise MetricError(f"p-values must be in [0, 1], but got {wrong}.")
