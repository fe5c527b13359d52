"""Accounts of a membership audit: what targets are, charged, refused and cut, and what was tried on the test split."""

import hashlib
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, cast

from datamodules import AskedDataModule, JudgedDataModule
from datamodules.view import RecordView
from lit_mia.cost import Cost
from lit_mia.features.duplicates import counted
from lit_mia.reasons import counted_by_reason
from lit_mia.report.membership import Expense, Spent, Tried
from lit_mia.report.membership.configuration import without_places
from lit_mia.report.membership.refused import count_refused
from lit_mia.report.membership.schema import Charged, Refused, Shadow

Sides = Mapping[str, AskedDataModule]
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
    return [
        f"In this run the {role} cut {data.target.truncated} captions that are too long for it."
        for role, data in sides.items()
        if data.target.truncated
    ]


def table_notes(view: RecordView) -> list[str]:
    """A sentence on records that were skipped, and one on those that show the same; `audit.json` lists their names."""
    skipped = f"{len(view.skipped)} records were skipped: {counted_by_reason(view.skipped)}."
    return [*([skipped] if view.skipped else []), *([counted(view.duplicates)] if view.duplicates else [])]


def expense_of(sides: Sides, drawing: dict[str, Cost], seconds: float) -> Expense:
    """What an audit cost.

    Args:
        sides: The datamodules.
        drawing: What was spent on drawing records, by model.
        seconds: Time of the whole audit.
    """
    costs = {role: side.cost for role, side in sides.items()} | drawing
    return Expense(
        **asdict(sum(costs.values(), Cost())),
        by_target={role: cast("Spent", asdict(cost)) for role, cost in costs.items()},
        seconds_total=seconds,
        charges=charges_of(sides),
    )


def fingerprint_of(sides: Sides, role: str) -> dict[str, Any]:
    """The target's or the placebo's; by role if there are two."""
    found = {name: dict(side.target.fingerprint()) for name, side in sides.items() if name.startswith(role)}
    return next(iter(found.values())) if len(found) == 1 else dict(found)


def shadow_of(sides: Sides) -> Shadow | None:
    """What heads learned on, where that is another target than the attacked one."""
    if "shadow" not in sides:
        return None
    shadow = sides["shadow"]
    return {
        "target": dict(shadow.target.fingerprint()),
        "splits": {"shadow": shadow.view.splits.sizes(), "attacked": sides["target"].view.splits.sizes()},
        "digests": {
            f"{role}_{name}": digest for role in ("shadow", "target") for name, digest in sides[role].hashes().items()
        },
    }


def shadow_notes(sides: Sides) -> list[str]:
    """Where heads learned, and what each kind of row stands for then; nothing without a shadow."""
    if "shadow" not in sides:
        return []
    return [
        f"Heads and controls learned on another target, the shadow {sides['shadow'].target.name}: train, val and "
        "calibration are its records, and the attacked target was asked about its test split alone.",
        "Controls (attacked records) learned from the labels of the attacked side's own records, which an attacker "
        "with a shadow has not: what tells those apart without the target is not taken for memory.",
        *(
            ["The placebo row: the same training on the shadow, tested on a placebo's answers about the test records."]
            if "placebo" in sides
            else []
        ),
    ]


def facts_of(sides: Sides) -> dict[str, dict[str, Any]]:
    """What targets tell beside their fingerprints, by role, of those that tell something."""
    return {role: dict(told) for role, side in sides.items() if (told := side.target.facts)}


def targets_of(sides: Sides) -> list[AskedDataModule]:
    """All who are asked but placebos."""
    return [side for role, side in sides.items() if not role.startswith("placebo")]


def store_digest_of(sides: Sides) -> str:
    """The digest of the store of all but placebos, or one of several."""
    digests = [side.store_digest() for side in targets_of(sides)]
    return digests[0] if len(digests) == 1 else hashlib.sha256("".join(digests).encode()).hexdigest()


def opened(data: JudgedDataModule, config: Mapping[str, Any]) -> Tried:
    """Count that an audit opens the test split, and say what opened it so far.

    Args:
        data: The records and the target.
        config: Configuration of the audit; the folders of its answers make no other one.
    """
    known = data.count_opening("audit", without_places(config))
    return {"configurations": known.configurations, "test_openings": known.openings, "commands": known.commands}
