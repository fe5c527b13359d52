"""How well the attacks find canaries of each number of copies, told apart."""

from collections.abc import Mapping

import numpy as np

from lit_mia.metrics.intervals import auc_estimate
from lit_mia.metrics.permutation import own_tests
from lit_mia.records import MEMBER, Records
from lit_mia.report.columns import Cell, Column, Place, Table, table_of
from lit_mia.report.membership.columns import is_attack
from lit_mia.report.membership.evaluation import Evaluation
from lit_mia.report.membership.schema import AuditReport, Tier
from lit_mia.report.membership.scores import Part, Scores
from lit_mia.report.words import NOTHING, bare_p, bounds, count, number
from lit_mia.splits import Splits

LEAST = 2
"""Groups of a class from which an AUC is given."""


def tiers_of(evaluation: Evaluation, records: Records, splits: Splits, copies: Mapping[str, int]) -> list[Tier]:
    """The AUC of each attack for the members of each tier against all non-members of the test split.

    A canary that was kept out has no copies, so those of all tiers are alike. The rank test of a tier permutes labels,
    and is adjusted for all attacks.

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
    scores = {row.name: evaluation.combined[row.name] for row in evaluation.rows if is_attack(row)}
    by_tier = {tier: _tiers(tier, part, scores) for tier, part in parts.items()}
    return [of_tier[name] for name in scores for of_tier in by_tier.values()]


def tier_table(report: AuditReport, place: Place) -> Table | None:
    """The table of the tiers; None unless there are several, which have to be told apart.

    Args:
        report: The numbers.
        place: Where it will stand.
    """
    if len({tier["copies"] for tier in report.tiers}) < 2:
        return None
    blocks = [[tier for tier in report.tiers if tier["attack"] == row.name] for row in report.rows if is_attack(row)]
    return table_of("Canaries", _COLUMNS, blocks, place, name=_name, kind=lambda _: "attack", strong=lambda _: True)


def _part(test: Part, kept: list[bool]) -> Part:
    return Part(test.rows[kept], test.labels[kept], test.groups[kept])


def _tiers(copies: int, part: Part, scores: Mapping[str, Scores]) -> dict[str, Tier]:
    """Attack → how well it finds the canaries of one tier."""
    sides = [part.labels == label for label in (1, 0)]
    enough = min(len({*part.groups[side]}) for side in sides) >= LEAST
    tested = {name: of[part.rows] for name, of in scores.items()}
    p = own_tests(np.stack([*tested.values()]), part.labels, part.groups).adjusted if enough else [None] * len(tested)
    estimates = {name: auc_estimate(of, part.labels, part.groups) if enough else None for name, of in tested.items()}
    return {
        name: {
            "attack": name,
            "copies": copies,
            "n_members": int(np.sum(sides[0])),
            "n_nonmembers": int(np.sum(sides[1])),
            "auc": None if estimate is None else estimate.auc,
            "auc_ci": None if estimate is None else estimate.ci and list(estimate.ci),
            "p": None if of is None else float(of),
        }
        for (name, estimate), of in zip(estimates.items(), p, strict=True)
    }


def _name(tier: Tier) -> str:
    return f"{tier['attack']}, {tier['copies']} {'copy' if tier['copies'] == 1 else 'copies'}"


def _auc_cell(tier: Tier) -> Cell:
    return Cell(NOTHING) if tier["auc"] is None else Cell(number(tier["auc"]), bounds(tier["auc_ci"]))


_COLUMNS: tuple[Column[Tier], ...] = (
    Column("n_members", "In", lambda tier: Cell(count(tier["n_members"]))),
    Column("n_nonmembers", "Out", lambda tier: Cell(count(tier["n_nonmembers"]))),
    Column("auc", "AUC [95 % CI]", _auc_cell),
    Column("p", "p (rank test)", lambda tier: Cell(bare_p(tier.get("p")))),
)
