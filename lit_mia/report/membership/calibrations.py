"""How calibrated attacks read the base beside the target, and the sentence that each form needs."""

from dataclasses import dataclass

from lit_mia.registry import Registry
from lit_mia.report.membership.schema import AuditReport


@dataclass(frozen=True)
class Calibration:
    """A form of calibration.

    Attributes:
        name: What the names of its attacks begin with: `CalibratedAttack.form`.
        note: What it makes of the statistics of target and base.
    """

    name: str
    note: str


CALIBRATIONS: Registry[Calibration] = Registry(
    "form of calibration",
    (
        Calibration("Difference", "the target's statistic minus the base's, at the setting chosen on train and val"),
        Calibration(
            "Regression",
            "what a ridge regression on all statistics of the base, fitted on non-members of train, does not predict "
            "of the target's",
        ),
        Calibration(
            "Joint head",
            "a logistic regression on the statistics of both, learned on train, its regularisation chosen on val",
        ),
        Calibration("Sign vote", "the share of small parts of the record on which the target is better than the base"),
    ),
)
"""All that are known here; the attacks of a form that is not among them are named without a sentence."""


def calibration_notes(report: AuditReport) -> list[str]:
    """What each form of calibration in a report is; nothing where no attack reads the base."""
    names = [row.name for row in report.rows if row["reads_base"]]
    forms = [form for form in CALIBRATIONS if any(name.startswith(f"{form.name} (") for name in names)]
    if not names:
        return []
    said = (
        "Calibrated attacks ask the base, the model before the fine-tuning, what they ask the target, and some learn "
        "from train how to read the two."
    )
    return [" ".join([said, *(f"{form.name}: {form.note}." for form in forms)])]
