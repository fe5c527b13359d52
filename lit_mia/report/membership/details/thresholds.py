"""Thresholds frozen on calibration for nominal false positive rates, and what they do on test."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lit_mia.metrics.threshold import NOMINAL_FPR, apply_threshold, predictive_value, threshold_at_fpr
from lit_mia.report.columns import Cell, Column, Place, Table, table_of
from lit_mia.report.membership.notes import blocks
from lit_mia.report.membership.schema import AuditReport
from lit_mia.report.membership.scores import RowEvidence
from lit_mia.report.words import number, percent, percent_interval

FURTHER = (0.01, 0.001)
"""Nominal rates beside `NOMINAL_FPR`."""
PRIOR = 0.01
"""Share of members, among the records one would ask about, at which the worth of an accusation is stated."""
_MEASURED = ("threshold", "realised_fpr", "realised_fpr_ci", "tpr", "tpr_ci", "ppv", "ppv_ci")


def frozen(evidence: RowEvidence) -> dict[str, Any]:
    """The threshold for the rate that every audit has, and those for lower rates, as `audit.json` holds them.

    A rate for which not one non-member of calibration could be called has no threshold but a `reason`.
    """
    return {
        "frozen_threshold": _measured(evidence, NOMINAL_FPR),
        "further_thresholds": [_measured_or_not(evidence, fpr) for fpr in FURTHER],
    }


def _measured(evidence: RowEvidence, fpr: float) -> dict[str, Any]:
    calibration, test = evidence.calibration, evidence.test
    cut = threshold_at_fpr(evidence.on(calibration)[calibration.labels == 0], fpr)
    applied = apply_threshold(cut, fpr, evidence.on(test), test.labels, groups=test.groups)
    worth = predictive_value(applied, PRIOR)
    return {
        "nominal_fpr": applied.nominal_fpr,
        "threshold": applied.threshold,
        "realised_fpr": applied.realised_fpr,
        "realised_fpr_ci": list(applied.realised_fpr_ci),
        "tpr": applied.tpr,
        "tpr_ci": list(applied.tpr_ci),
        "prior": PRIOR,
        "ppv": worth.value,
        "ppv_ci": [worth.lo, worth.hi],
    }


def _measured_or_not(evidence: RowEvidence, fpr: float) -> dict[str, Any]:
    non_members, needed = int((evidence.calibration.labels == 0).sum()), math.ceil(1 / fpr - 1e-9)
    if non_members >= needed:
        return {**_measured(evidence, fpr), "reason": None}
    reason = (
        f"A threshold for {percent(fpr)} FPR needs at least {needed} non-members in calibration, of whom one may be "
        f"called a member, but there are {non_members}."
    )
    return {"nominal_fpr": fpr, **dict.fromkeys(_MEASURED), "prior": PRIOR, "reason": reason}


# ---------------------------------------------------------------------- how it is written


@dataclass(frozen=True)
class _Frozen:
    """A threshold of an attack."""

    attack: str
    values: Mapping[str, Any]

    def __getitem__(self, name: str) -> Any:
        return self.values[name]


def threshold_table(report: AuditReport, place: Place) -> Table:
    """The thresholds of every attack, one line for each nominal rate that has one for some attack.

    Args:
        report: The numbers.
        place: Where it will stand.
    """
    frozen_of = [
        [_Frozen(row.name, of) for of in _all(row.values) if of["threshold"] is not None] for row, *_ in blocks(report)
    ]
    return table_of(
        "Attack", _COLUMNS, frozen_of, place, name=lambda of: of.attack, kind=lambda _: "attack", strong=lambda _: True
    )


def threshold_notes(report: AuditReport) -> list[str]:
    """Which rates have no threshold, and why; then how to read the table."""
    attacks = [row.values for row, *_ in blocks(report)]
    reasons = [of["reason"] for values in attacks for of in _all(values) if of.get("reason")]
    if not all(values.get("further_thresholds") for values in attacks):
        reasons.append("Lower rates: not in this file, which an earlier version wrote.")
    prior = percent(attacks[0]["frozen_threshold"]["prior"])
    return [
        *dict.fromkeys(reasons),
        f"PPV: share of members among the records at or above the threshold, if {prior} of the records asked about "
        "were members; its interval is from the worst to the best within those of both rates.",
        "Intervals of rates: 95 %, exact (Clopper and Pearson), with the group as the unit.",
    ]


def _all(values: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    return [values["frozen_threshold"], *(values.get("further_thresholds") or [])]


def _realised(of: _Frozen) -> Cell:
    lo, hi = of["realised_fpr_ci"]
    note = "" if lo <= of["nominal_fpr"] <= hi else "differs from nominal"
    return Cell(percent(of["realised_fpr"]), percent_interval((lo, hi)), note)


def _share(name: str, of: _Frozen) -> Cell:
    return Cell(percent(of[name]), percent_interval(of[f"{name}_ci"]))


_COLUMNS: tuple[Column[_Frozen], ...] = (
    Column("nominal_fpr", "Nominal FPR", lambda of: Cell(percent(of["nominal_fpr"]))),
    Column("realised_fpr", "Realised FPR [95 % CI]", _realised),
    Column("tpr", "TPR [95 % CI]", lambda of: _share("tpr", of)),
    Column("ppv", f"PPV at a prior of {percent(PRIOR)}", lambda of: _share("ppv", of)),
    Column("threshold", "Threshold", lambda of: Cell(number(of["threshold"]))),
)
