"""Self-tests as they could be, made by hand."""

from collections.abc import Mapping, Sequence
from typing import Any

from lit_mia.report.membership.self_test_numbers import SelfTest, Trials

MISSED, FOUND = "not detected at this power", "leakage beyond controls"
HEADS, PIXELS = ["I-S", "II-S", "IV"], ["I-P", "II-P"]
TOLD = {
    "nothing": "nothing: labels are permuted",
    "images": "a shift: another look of their images",
    "captions": "a shift: other things said in their captions",
    "answers": "a leak: answers more like the records",
}


def trials(planted: str, verdicts: Mapping[str, int], strength: float = 0.0, **others: Any) -> Trials:
    """Audits of one kind.

    Args:
        planted: What was planted.
        verdicts: Verdict → number.
        strength: Of it.
        others: Values that are not the usual ones.
    """
    usual: dict[str, Any] = {
        "planted": planted,
        "told": TOLD[planted],
        "leak": planted == "answers",
        "strength": strength,
        "attacks": HEADS,
        "repetitions": sum(verdicts.values()),
        "verdicts": dict(verdicts),
        "planted_auc": 0.5 + strength / 6 if strength else None,
        "attack": ("II-S", 0.503 + strength / 8),
        "control": ("I-S blind", 0.502),
        "auc_needed": 0.611,
    }
    return Trials(**(usual | others))  # type: ignore[typeddict-item]


NULLS = [
    trials("nothing", {MISSED: 189, FOUND: 7, "confounded": 4}),
    trials("nothing", {MISSED: 19, FOUND: 1}, attacks=PIXELS, attack=("I-P", 0.501)),
]
SHIFTS = [
    trials("images", {"confounded": 180, MISSED: 19, FOUND: 1}, 1.0, control=("I-S blind", 0.66)),
    trials("captions", {"confounded": 150, MISSED: 50}, 1.0, control=("II-S caption", 0.63)),
]
LEAKS = [
    trials("answers", {MISSED: 150, FOUND: 50}, 0.5),
    trials("answers", {MISSED: 60, FOUND: 140}, 0.8),
    trials("answers", {MISSED: 4, FOUND: 196}, 1.2),
]


def self_test(of: Sequence[Trials] = (*NULLS, *SHIFTS, *LEAKS), **others: Any) -> SelfTest:
    """A self-test.

    Args:
        of: Its audits.
        others: Values that are not the usual ones.
    """
    usual: dict[str, Any] = {
        "configuration": "0" * 64,
        "name": "OpenMoji demo: latent target",
        "created": "2026-11-27",
        "seconds": 492.0,
        "seeds": 1,
        "audit_seeds": 3,
        "by_coin": True,
        "on_placebo": MISSED,
        "not_planted": {"fit": "Records of these attacks have no captions."},
        "versions": {"lit-mia": "0.1.0"},
    }
    return SelfTest(trials=list(of), **(usual | others))
