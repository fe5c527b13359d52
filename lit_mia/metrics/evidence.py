"""What the test split says of attacks and controls: what the verdict rule is applied to."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, get_args

Design = Literal["randomized_split", "canary", "same_source_holdout", "post_hoc"]
BY_COIN: tuple[Design, ...] = ("randomized_split", "canary")
"""The designs whose evidence rests on a coin."""
LEVEL = 0.05
"""One-sided level of all attacks together; two-sided of all controls together."""
COIN_LEVEL = 0.02
"""Two-sided level of the check of a coin by all controls together."""

Kind = Literal[
    "design violated",
    "leakage beyond controls",
    "suggestive (a shift read up to 1.5 times better would explain it)",
    "suggestive (weak placebo)",
    "suggestive (no placebo)",
    "not evidence (post hoc design)",
    "not evidence (controls incomplete)",
    "confounded",
    "not detected at this power",
    "tool failure",
]
"""In the order in which the verdict of an audit is the first that one of its attacks has."""
KINDS: tuple[Kind, ...] = get_args(Kind)


@dataclass(frozen=True)
class PlaceboCheck:
    """Whether a placebo can stand for "a target that saw neither side".

    Attributes:
        valid: Whether it can.
        sentence: What was found, in plain English; of one that is not valid, why.
        gap: How much less its answers are like the records than the target's, mean over the non-members of test, in
            standard deviations of the target's; None if that was not measured.
        gap_hi: Upper 95 % bound of it; valid below 0.2.
    """

    valid: bool
    sentence: str
    gap: float | None = None
    gap_hi: float | None = None


class Comparison(NamedTuple):
    """An attack beside one of its controls, paired on test.

    Attributes:
        delta: AUC of the attack minus that of the control.
        lo: Lower end of its 95 % interval; None where it cannot be said.
        hi: Upper end.
        p_better: One-sided p of "the log odds of the attack's AUC are at most the control's".
        p_shift: The same for 1.5 times the control's: a shift that the attack reads 1.5 times better.
        ratio_lo: Largest factor that is still refused (5 %, one-sided), at most `lit_mia.metrics.shift.MOST`.
        mirrored: Whether the control is below 0.5 by itself (two-sided 5 %), so that 1 - AUC counts too: then both p
            values are the larger of two, and the factor the smaller.
    """

    delta: float
    lo: float | None
    hi: float | None
    p_better: float
    p_shift: float
    ratio_lo: float
    mirrored: bool


@dataclass(frozen=True)
class ControlEvidence:
    """What a control, which several attacks may share, says of the two sides.

    Attributes:
        name: Its name, unique among the controls.
        kind: Name of its kind in `lit_mia.row_kinds`, such as `placebo`.
        auc: Its AUC.
        p_two_sided: p of "its AUC is 0.5".
    """

    name: str
    kind: str
    auc: float
    p_two_sided: float


@dataclass(frozen=True)
class AttackEvidence:
    """What the test split says of one attack.

    Attributes:
        name: The attack's name, unique within the audit.
        p_own: One-sided p of "its AUC is at most 0.5".
        p_own_adjusted: The same, adjusted for all attacks by their largest statistic (step-down max-T).
        against: Name of control → comparison, of every control and placebo of this attack.
        missing: What a complete set of controls has and this attack's lacks, such as "joint".
        placebo: The check of its placebo; None without one.
        tool_failed: Whether it used a tool of the attacker that does not work.
        reads_base: Whether it reads what the base, the model before the fine-tuning, says of the records.
    """

    name: str
    p_own: float
    p_own_adjusted: float
    against: Mapping[str, Comparison] = field(default_factory=dict)
    missing: tuple[str, ...] = ()
    placebo: PlaceboCheck | None = None
    tool_failed: bool = False
    reads_base: bool = False
