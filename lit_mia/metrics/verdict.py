"""The verdict of an audit: does an attack tell more than can be told without the target?

One primary metric, the AUC, and one level, 5 % one-sided. An attack beats its controls if its paired difference to
every one of them is significantly above 0: an intersection-union test, whose p-value is the largest of them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from lit_mia.errors import MetricError
from lit_mia.metrics.evidence import Design

LEVEL = 0.05
TOOL_LEVEL = 0.01

Kind = Literal[
    "leakage beyond controls",
    "not evidence (post hoc design)",
    "confounded",
    "tool failure",
    "not detected at this power",
]


@dataclass(frozen=True)
class AttackEvidence:
    """What the test split says about one attack.

    Attributes:
        name: The attack's name, unique within the audit.
        p_above_half: One-sided p-value of "its AUC is at most 0.5".
        p_vs_control: Per control of this attack, the one-sided p-value of "its AUC is at most the control's" (paired).
            All controls have to be listed, not only the strongest.
    """

    name: str
    p_above_half: float
    p_vs_control: dict[str, float]


@dataclass(frozen=True)
class Verdict:
    """The outcome of an audit.

    Attributes:
        kind: One of five outcomes.
        sentence: The outcome in plain English, with what it does not exclude.
        beats: The attacks that beat every one of their controls, in the order given.
        adjusted_p: Per attack, the Holm-adjusted p-value of "it does not beat every control"; 1 without controls.
    """

    kind: Kind
    sentence: str
    beats: tuple[str, ...]
    adjusted_p: dict[str, float]


def decide(
    attacks: Sequence[AttackEvidence],
    controls: Mapping[str, float],
    design: Design,
    placebo: bool,
    mde: float,
    tools_p: float | None = None,
) -> Verdict:
    """Apply the verdict rule; the first that holds counts.

    1. `leakage beyond controls`: an attack beats every one of its controls after Holm's correction over the attacks.
       With members and non-members picked after the fact this is `not evidence (post hoc design)`.
    2. `confounded`: an attack and a control are each significantly above 0.5 (Holm over attacks, Holm over controls).
    3. `tool failure`: the attacker's tools do not tie captions to images better than chance (1 %), so that finding
        nothing says nothing of the target.
    4. `not detected at this power`.

    An attack without controls beats nothing.

    Args:
        attacks: Evidence of each attack, at least one.
        controls: Per control, the one-sided p-value of "its AUC is at most 0.5".
        design: How members and non-members came about.
        placebo: Whether a target that saw neither side is among the controls.
        mde: Minimal detectable difference of AUCs, see `lit_mia.metrics.auc.mde_difference`.
        tools_p: One-sided p-value of "captions find their own images no more often than by chance"; None if that was
            not checked.

    Raises:
        MetricError: If attacks are missing or share a name, or a p-value, `mde` or `design` is out of range.
    """
    _check_evidence(attacks, controls, design, mde, tools_p)
    adjusted = holm({attack.name: max(attack.p_vs_control.values(), default=1.0) for attack in attacks})
    beats = tuple(name for name, p in adjusted.items() if p <= LEVEL)
    above_half = _significant({attack.name: attack.p_above_half for attack in attacks})
    blind = _significant(controls)
    rule: dict[Kind, object] = {
        "not evidence (post hoc design)": beats and design == "post_hoc",
        "leakage beyond controls": beats,
        "confounded": above_half and blind,
        "tool failure": tools_p is not None and tools_p >= TOOL_LEVEL,
        "not detected at this power": True,
    }
    kind = next(kind for kind, holds in rule.items() if holds)
    parts = [_finding(kind, beats, above_half, blind, mde), *_missing_controls(attacks, placebo)]
    return Verdict(kind, " ".join(parts), beats, adjusted)


def holm(p: Mapping[str, float]) -> dict[str, float]:
    """Holm's step-down adjusted p-values (Holm 1979), in the order given.

    The i-th smallest of m is multiplied by m - i + 1, made monotone and cut at 1.

    Args:
        p: Named p-values in [0, 1].
    """
    adjusted: dict[str, float] = {}
    largest = 0.0
    for place, name in enumerate(sorted(p, key=lambda name: p[name])):
        largest = max(largest, min(1.0, (len(p) - place) * p[name]))
        adjusted[name] = largest
    return {name: adjusted[name] for name in p}


def _significant(p: Mapping[str, float]) -> tuple[str, ...]:
    return tuple(name for name, adjusted in holm(p).items() if adjusted <= LEVEL)


def _finding(kind: Kind, beats: Sequence[str], above_half: Sequence[str], blind: Sequence[str], mde: float) -> str:
    """What was found and what follows from it."""
    findings: dict[Kind, str] = {
        "leakage beyond controls": f"Leakage beyond controls: {_listed(beats)} {_verb(beats, 'tells', 'tell')} members "
        "from non-members better than every control (paired difference of AUCs, 5 % one-sided, Holm-corrected over the "
        "attacks).",
        "not evidence (post hoc design)": f"Not evidence (post hoc design): {_listed(beats)} "
        f"{_verb(beats, 'beats', 'beat')} every control, but members and non-members were picked after the fact, so a "
        "difference between the two sets may be the cause.",
        "confounded": f"Confounded: {_listed(above_half)} {_verb(above_half, 'is', 'are')} better than chance, but so "
        f"{_verb(blind, 'is', 'are')} {_listed(blind)}, and no attack beats every control: a difference between the "
        "two sets of records may explain the result, and leakage is neither shown nor excluded.",
        "tool failure": "Tool failure: no attack beats every control, but by the attacker's encoder captions do not "
        "find their own images more often than by chance, so this says nothing of the target. Use another captioner "
        "or encoder.",
        "not detected at this power": f"Not detected at this power (MDE of dAUC = {mde:.3f}): no attack beats every "
        f"control. A true difference below {mde:.3f} would often be missed, so leakage is not excluded.",
    }
    return findings[kind]


def _missing_controls(attacks: Sequence[AttackEvidence], placebo: bool) -> list[str]:
    """What was not compared, and what is therefore not excluded."""
    alone = [attack.name for attack in attacks if not attack.p_vs_control]
    uncontrolled = f"controls: none for {_listed(alone)}, which therefore cannot count as leakage."
    no_placebo = (
        "placebo: none, so it is not excluded that the answers of a target that saw neither set "
        "would separate them as well."
    )
    return [*([uncontrolled] if alone else []), *([] if placebo else [no_placebo])]


def _check_evidence(
    attacks: Sequence[AttackEvidence], controls: Mapping[str, float], design: str, mde: float, tools_p: float | None
) -> None:
    names = [attack.name for attack in attacks]
    if not names or len(set(names)) != len(names):
        raise MetricError(f"A verdict needs at least one attack and unique names, but the attacks are {names}.")
    if design not in get_args(Design):
        raise MetricError(f"`design` must be one of {', '.join(get_args(Design))}, but got {design!r}.")
    if not 0 <= mde < float("inf"):
        raise MetricError(f"`mde` must be finite and at least 0, but got {mde}.")
    given = {
        **{f"{name} against 0.5": p for name, p in controls.items()},
        **({} if tools_p is None else {"tools against chance": tools_p}),
        **{f"{a.name} against {b}": p for a in attacks for b, p in {"0.5": a.p_above_half, **a.p_vs_control}.items()},
    }
    wrong = {name: p for name, p in given.items() if not 0 <= p <= 1}
    if wrong:
        raise MetricError(f"p-values must be in [0, 1], but got {wrong}.")


def _listed(names: Sequence[str]) -> str:
    """Names in a sentence: "", "a", "a and b", "a, b and c"."""
    return " and ".join(filter(None, [", ".join(names[:-1]), *names[-1:]]))


def _verb(names: Sequence[str], singular: str, plural: str) -> str:
    return singular if len(names) == 1 else plural
