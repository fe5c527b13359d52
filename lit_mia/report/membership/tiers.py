"""How well the attacks find canaries of each number of copies, told apart."""

from collections.abc import Mapping

import numpy as np

from lit_mia.metrics.intervals import auc_estimate
from lit_mia.records import MEMBER, Records
from lit_mia.report.columns import Cell, Column, Place, Table, table_of
from lit_mia.report.membership.columns import is_attack
from lit_mia.report.membership.evaluation import Evaluation
from lit_mia.report.membership.schema import AuditReport, Tier
from lit_mia.report.membership.scores import Part, Scores
from lit_mia.report.words import NOTHING, bounds, count, number
from lit_mia.splits import Splits

LEAST = 2
"""Groups of a class from which an AUC is given."""


def tiers_of(evaluation: Evaluation, records: Records, splits: Splits, copies: Mapping[str, int]) -> list[Tier]:
    """The AUC of each attack for the members of each tier against all non-members of the test split.

    A canary that was kept out has no copies, so those of all tiers are alike.

    Args:
        evaluation: The scores.
        records: The records of known membership.
        splits: Their splits.
        copies: Id → how often a canary was inserted where it was; empty if the records are none.
    """
    test = Part.of(records, splits, "test")
    tiers = {row: copies[records.ids[row]] for row in test.rows if copies and records.members[row] == MEMBER}
    parts = {
        tier: _part(test, [tiers.get(row, tier) == tier for row in test.rows]) for tier in sorted({*tiers.values()})
    }
    attacks = [row.name for row in evaluation.rows if is_attack(row)]
    return [_tier(name, tier, part, evaluation.combined[name]) for name in attacks for tier, part in parts.items()]


def tier_table(report: AuditReport, place: Place) -> Table:
    """The table of the tiers.

    Args:
        report: The numbers.
        place: Where it will stand.
    """
    blocks = [[tier for tier in report.tiers if tier["attack"] == row.name] for row in report.rows if is_attack(row)]
    return table_of("Canaries", _COLUMNS, blocks, place, name=_name, kind=lambda _: "attack", strong=lambda _: True)


def has_tiers(report: AuditReport) -> bool:
    """Whether there are several tiers, so that they have to be told apart."""
    return len({tier["copies"] for tier in report.tiers}) > 1


def _part(test: Part, kept: list[bool]) -> Part:
    return Part(test.rows[kept], test.labels[kept], test.groups[kept])


def _tier(attack: str, copies: int, part: Part, scores: Scores) -> Tier:
    sides = [part.labels == label for label in (1, 0)]
    enough = min(len({*part.groups[side]}) for side in sides) >= LEAST
    estimate = auc_estimate(scores[part.rows], part.labels, part.groups) if enough else None
    return {
        "attack": attack,
        "copies": copies,
        "n_members": int(np.sum(sides[0])),
        "n_nonmembers": int(np.sum(sides[1])),
        "auc": None if estimate is None else estimate.auc,
        "auc_ci": None if estimate is None else estimate.ci and list(estimate.ci),
    }


def _name(tier: Tier) -> str:
    return f"{tier['attack']}, {tier['copies']} {'copy' if tier['copies'] == 1 else 'copies'}"


def _auc_cell(tier: Tier) -> Cell:
    return Cell(NOTHING) if tier["auc"] is None else Cell(number(tier["auc"]), bounds(tier["auc_ci"]))


_COLUMNS: tuple[Column[Tier], ...] = (
    Column("n_members", "In", lambda tier: Cell(count(tier["n_members"]))),
    Column("n_nonmembers", "Out", lambda tier: Cell(count(tier["n_nonmembers"]))),
    Column("auc", "AUC [95 % CI]", _auc_cell),
)
