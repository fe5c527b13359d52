"""The verdict of an identity audit: are people who were in the training data recognised, and nobody else?"""

from dataclasses import dataclass, field
from typing import Literal

from lit_mia.metrics.identity import Rate
from lit_mia.metrics.verdict import Design

IdentityKind = Literal[
    "identities recognised beyond controls",
    "not evidence (post hoc design)",
    "not evidence (no group that was never trained on)",
    "not evidence (no control model)",
    "confounded",
    "not detected at this power",
    "not measured (no known members)",
]


CONTROL_MODELS = frozenset({"untrained", "permuted names", "swapped membership"})
"""Names of the controls that are models; the others are groups of people."""


@dataclass(frozen=True)
class IdentityEvidence:
    """What an audit measured, at one threshold and number of images.

    Attributes:
        tpr: Recognised members; None if there are none.
        fpr: Recognised non-members; None if there are none.
        bound: Most that chance allows on average if names are exchangeable within the pool, ⌊P / τ⌋ / M.
        images: Number of images n.
        threshold: Templates that have to agree, τ.
        templates: Templates in all, P.
        pool: Names to choose from, M.
        controls: Whether each control that was run passes.
        missing: Controls that were not run, or could not be told for want of people.
    """

    tpr: Rate | None
    fpr: Rate | None
    bound: float
    images: int
    threshold: int
    templates: int
    pool: int
    controls: dict[str, bool] = field(default_factory=dict)
    missing: tuple[str, ...] = ()


@dataclass(frozen=True)
class IdentityVerdict:
    """The outcome in words: its kind, and a sentence that may be quoted whole."""

    kind: IdentityKind
    sentence: str


def decide_identity(evidence: IdentityEvidence, design: Design) -> IdentityVerdict:
    """Apply the rule; the first that holds counts.

    1. `not measured`: nobody is known to be a member.
    2. `not detected at this power`: the interval of the TPR does not lie above both the FPR's and the bound.
    3. `confounded`: a control does not pass.
    4. `not evidence`: there is no group that was never trained on, it was put together afterwards, or no control model
       (untrained, permuted names, swapped membership) was run.
    5. `identities recognised beyond controls`.

    Args:
        evidence: What was measured.
        design: How members and non-members came about.
    """
    tpr = evidence.tpr
    if tpr is None:
        return IdentityVerdict(
            "not measured (no known members)", f"Nobody is known to be a member. {_chance(evidence)}"
        )
    rule: dict[IdentityKind, bool] = {
        "not detected at this power": tpr.lo <= max(evidence.bound, evidence.fpr.hi if evidence.fpr else 0),
        "confounded": not all(evidence.controls.values()),
        "not evidence (no group that was never trained on)": evidence.fpr is None,
        "not evidence (post hoc design)": design == "post_hoc",
        "not evidence (no control model)": not evidence.controls.keys() & CONTROL_MODELS,
        "identities recognised beyond controls": True,
    }
    kind = next(kind for kind, holds in rule.items() if holds)
    return IdentityVerdict(kind, f"{_measured(tpr, evidence)} {_controls(evidence)}{_consequence(kind)}")


def _measured(tpr: Rate, evidence: IdentityEvidence) -> str:
    if evidence.fpr is None:
        others = "nobody who was never trained on was asked about"
    else:
        others = f"of {evidence.fpr.people} people who were never trained on it recognises {_percent(evidence.fpr)}"
    return (
        f"Of {tpr.people} people whose images and names were in the training data, the model recognises "
        f"{_percent(tpr)} by name (n = {evidence.images} images, at least {evidence.threshold} of {evidence.templates} "
        f"templates, {evidence.pool} names to choose from); {others}. "
        f"{_chance(evidence)}"
    )


def _chance(evidence: IdentityEvidence) -> str:
    return (
        f"Chance allows at most {100 * evidence.bound:.2g}\u00a0% on average, if names are exchangeable within the "
        "pool; larger if the model matches sex or origin to names."
    )


def _controls(evidence: IdentityEvidence) -> str:
    passed = [name for name, good in evidence.controls.items() if good]
    failed = [name for name, good in evidence.controls.items() if not good]
    parts = [
        f"Controls passed: {', '.join(passed)}." if passed else "",
        f"Controls failed: {', '.join(failed)}." if failed else "",
        f"Controls not run: {', '.join(evidence.missing)}." if evidence.missing else "",
    ]
    return " ".join(filter(None, parts))


def _consequence(kind: IdentityKind) -> str:
    return {
        "identities recognised beyond controls": " The model links names with faces that it learned in training.",
        "not evidence (post hoc design)": " Members and others were picked after the fact, so that more than training "
        "may tell them apart: a hint, not evidence of training use.",
        "not evidence (no group that was never trained on)": " Without people who were never trained on, false "
        "recognitions were not measured: a hint, not evidence of training use.",
        "not evidence (no control model)": " Without a control model, it was not tested whether people are recognised "
        "without a link learned in training: a hint, not evidence of training use.",
        "confounded": " A failed control recognises people, or does not follow membership, without a link learned in "
        "training, so that leakage is neither shown nor excluded.",
        "not detected at this power": " That is no more than among others or by chance: leakage is not shown, and not "
        "excluded.",
        "not measured (no known members)": "",
    }[kind]


def _percent(measured: Rate) -> str:
    return f"{100 * measured.value:.1f}\u00a0% [95\u00a0% interval {100 * measured.lo:.1f} to {100 * measured.hi:.1f}]"
