"""The verdict in plain English: what was found, what follows from it, and what it does not exclude."""

from collections.abc import Sequence
from dataclasses import dataclass

from lit_mia.metrics.evidence import AttackEvidence, Kind
from lit_mia.metrics.power import Power


@dataclass(frozen=True)
class Told:
    """What a verdict is told from.

    Attributes:
        kind: The verdict.
        finders: The attacks of which it is the outcome.
        readers: The controls that tell the two sides apart.
        attacks: Evidence of all attacks.
        coin: Whether a coin decided who is a member.
        verified: Whether that coin was checked.
    """

    kind: Kind
    finders: Sequence[str]
    readers: Sequence[str]
    attacks: Sequence[AttackEvidence]
    coin: bool
    verified: bool


def sentence_of(told: Told, power: Power) -> str:
    """The verdict in words.

    Args:
        told: What it is told from.
        power: What the rule finds.
    """
    return " ".join([_finding(told, power), *_qualifications(told)])


def _finding(told: Told, power: Power) -> str:
    """What was found and what follows from it."""
    found, readers = told.finders, told.readers
    better = f"{enumerated(found)} {_verb(found, 'tells', 'tell')} members from non-members"
    every = "every control that differs from 0.5" if told.coin else "every control"
    read = (
        f"{enumerated(readers)} {_verb(readers, 'tells', 'tell')} the two sides apart without what the target learned"
    )
    findings: dict[Kind, str] = {
        "design violated": f"Design violated: {read}, which a coin does not allow. Something else than the coin "
        "decided, or the records were changed after it; nothing is concluded.",
        "leakage beyond controls": f"Leakage beyond controls: {better} {_how(told)}.",
        "suggestive (a shift read up to 1.5 times better would explain it)": f"Suggestive, not evidence: {better} "
        "better than every control and the placebo, but a difference between the two sides that the attack reads up to "
        "1.5 times better than they do would explain it.",
        "suggestive (weak placebo)": f"Suggestive, not evidence (weak placebo): {better} better than {every}, "
        "but the placebo cannot stand for a target that saw neither side.",
        "suggestive (no placebo)": f"Suggestive, not evidence (no placebo): {better} better than {every}, but "
        "without a placebo it is not excluded that the answers of a target that saw neither side would do so as well.",
        "not evidence (post hoc design)": f"Not evidence (post hoc design): {better} better than every control, but "
        "the two sides were put together after the fact, so a difference between them may be the cause.",
        "not evidence (controls incomplete)": f"Not evidence (controls incomplete): {better} better than {every}, "
        "but what is missing may read a difference between the two sides.",
        "confounded": f"Confounded: {enumerated(found)} {_verb(found, 'is', 'are')} better than chance, but {read}: a "
        "difference between them may explain the result, and leakage is neither shown nor excluded.",
        "tool failure": "Tool failure: by the attacker's encoder captions do not find their own images more often than "
        "by chance, so what attacks find with it says nothing of the target. Use another captioner or encoder.",
        "not detected at this power": f"Not detected at this power: no attack is found. {_needed(power)}",
    }
    return findings[told.kind]


def _how(told: Told) -> str:
    """Why it is evidence."""
    if told.verified:
        return (
            "under a coin that was checked (own test by permuting the labels, 5 % one-sided, adjusted for all attacks)"
        )
    if told.coin:
        reads_base = any(attack.reads_base for attack in told.attacks if attack.name in told.finders)
        more = " (what reads the base 1.5 times better, and beside a valid placebo)" if reads_base else ""
        return (
            "under a coin (own test by permuting the labels, 5 % one-sided, adjusted for all attacks) and better than "
            f"every control that differs from 0.5{more}; the coin was stated, not checked"
        )
    return (
        "beyond every control and a valid placebo: a difference between the two sides would have to be read more than "
        "1.5 times better by the attack than by any of them (5 % one-sided, Holm-corrected over the attacks)"
    )


def _needed(power: Power) -> str:
    if power.auc_needed is None:
        return "What would have been found cannot be said, so leakage is not excluded."
    return (
        f"An attack would be found four times in five from an AUC of {power.auc_needed:.3f} on; a smaller one would "
        "often be missed, so leakage is not excluded."
    )


def _qualifications(told: Told) -> list[str]:
    """What was not compared, or not told by tools that work."""
    failed = [attack.name for attack in told.attacks if attack.tool_failed]
    lacking = [attack for attack in told.attacks if attack.missing and not told.verified]
    kinds = list(dict.fromkeys(kind for attack in lacking for kind in attack.missing))
    sentences = []
    if failed and told.kind != "tool failure":
        sentences.append(f"Put aside, since the attacker's tools fail: {enumerated(failed)}.")
    if lacking:
        sentences.append(
            f"Controls missing for {enumerated([attack.name for attack in lacking])}: {enumerated(kinds)}."
        )
    if told.verified:
        return sentences
    return [*sentences, *_placebos([attack for attack in told.attacks if attack.reads_base or not told.coin])]


def _placebos(needing: Sequence[AttackEvidence]) -> list[str]:
    """Which placebo is missing, and what is wrong with one, of attacks that need one."""
    none = [attack.name for attack in needing if attack.placebo is None and not attack.reads_base]
    base = [attack.name for attack in needing if attack.placebo is None and attack.reads_base]
    weak: dict[str, list[str]] = {}
    for attack in needing:
        if attack.placebo and not attack.placebo.valid:
            weak.setdefault(attack.placebo.sentence, []).append(attack.name)
    missing = (
        f"placebo: none for {enumerated(none)}, so it is not excluded that the answers of a target that saw neither "
        "side would separate them as well."
    )
    used = (
        f"{enumerated(base)} {_verb(base, 'reads', 'read')} the base, so the base is no placebo of "
        f"{_verb(base, 'it', 'them')}; a model fine-tuned on other records of the domain would be one. Calibration "
        "takes out what is hard for the base too, not what the target learned of the domain as a whole."
    )
    said = [*([missing] if none else []), *([used] if base else [])]
    return [*said, *(f"Weak placebo of {enumerated(names)}: {why}" for why, names in weak.items())]


def enumerated(names: Sequence[str]) -> str:
    """Names in a sentence: "", "a", "a and b", "a, b and c"."""
    return " and ".join(filter(None, [", ".join(names[:-1]), *names[-1:]]))


def _verb(names: Sequence[str], singular: str, plural: str) -> str:
    return singular if len(names) == 1 else plural
