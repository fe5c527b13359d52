"""What the targets of an audit charged, refused and cut, for its report."""

from collections.abc import Mapping

from datamodules.base import AuditDataModule
from lit_mia.report.membership import Charged, Refused, count_refused

Sides = Mapping[str, AuditDataModule]
"""The datamodules of an audit by role: `target`, `placebo`."""


def charges_of(sides: Sides) -> dict[str, Charged]:
    """What was paid, by role, of the targets that keep accounts."""
    kept = {role: data.target.charges() for role, data in sides.items()}
    return {
        role: {
            "confirmed": paid.confirmed,
            "uncertain": paid.uncertain,
            "confirmed_money": paid.confirmed_money,
            "uncertain_money": paid.uncertain_money,
        }
        for role, paid in kept.items()
        if paid.images
    }


def refusals_of(sides: Sides) -> dict[str, Refused]:
    """Refusals by role, of the targets that refused something."""
    reasons = {role: data.refusals(data.view.labelled) for role, data in sides.items()}
    return {role: count_refused(data.view.labelled, reasons[role]) for role, data in sides.items() if reasons[role]}


def cut_captions(sides: Sides) -> list[str]:
    """A sentence for each target that was asked, in this run, with captions longer than it takes."""
    targets = {role: data.target for role, data in sides.items()}
    return [
        f"In this run the {role} cut {target.truncated} captions that are too long for it."
        for role, target in targets.items()
        if target.truncated
    ]
