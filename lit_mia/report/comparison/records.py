"""The test records of two audits, and which of them are the same."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray

from lit_mia.errors import ReportError
from lit_mia.features.connected import components
from lit_mia.metrics.auc import auc
from lit_mia.metrics.resampling import group_numbers
from lit_mia.metrics.roc import FloatArray
from lit_mia.records import MEMBER, NON_MEMBER
from lit_mia.report.membership import COMBINED, MembershipResult

Basis = Literal["same", "shared", "apart", "none"]
"""What a change is measured on.

`same`: both audits judged the same records with the same labels. `shared`: the records that both judged with the same
label. `apart`: all records of either, none of which, and none of whose groups, both judged. `none`: no change is said.
"""
IntArray = NDArray[np.int64]
Names = NDArray[Any]
_ROUNDING = 1e-9


@dataclass(frozen=True, eq=False)
class Judged:
    """The records of known membership in the test split of an audit.

    Attributes:
        ids: SHA-256 of their ids, in alphabetical order, `[n]`.
        labels: 1 = member, 0 = non-member, `[n]`.
        groups: SHA-256 of the name of each record's group, `[n]`.
        scores: Row of the report → combined scores, `[n]`.
    """

    ids: Names
    labels: IntArray
    groups: Names
    scores: Mapping[str, FloatArray]

    @classmethod
    def of(cls, result: MembershipResult, called: str) -> Self:
        """The test records of a finished audit.

        Args:
            result: The audit.
            called: What to call it in an error.

        Raises:
            ReportError: If scores are not those of the report, or its groups are not known.
        """
        table = result.scores
        labelled = (table.label == MEMBER) | (table.label == NON_MEMBER)
        table = table.select((table.split == "test") & (table.seed == COMBINED) & labelled)
        scores: dict[str, FloatArray] = {}
        first: dict[str, Names] | None = None
        for row in result.report.rows:
            lines = table.select(table.row == row.name)
            order = np.argsort(lines.id_hash.astype(str))
            told = {name: getattr(lines, name)[order] for name in ("id_hash", "label", "group")}
            first = told if first is None else first
            scores[row.name] = lines.score[order]
            same = len(lines) and all(np.array_equal(told[name], first[name]) for name in told)
            if not same or abs(auc(lines.score, lines.label) - row["auc"]) > _ROUNDING:
                raise ReportError(f"{called}: the scores of {row.name} are not those of its report. Run it again.")
        if first is None:
            raise ReportError(f"{called}: the report has no row, so there is nothing to compare.")
        ids, groups = first["id_hash"].astype(str), first["group"].astype(str)
        if len(np.unique(ids)) < len(ids):
            raise ReportError(f"{called}: its scores.parquet has a record twice in a row of test. Run it again.")
        if not np.all(groups != ""):
            groups = _own_groups(result, ids, called)
        return cls(ids, first["label"].astype(np.int64), groups, scores)

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def counts(self) -> tuple[int, int]:
        """Members and non-members."""
        members = int(self.labels.sum())
        return members, len(self) - members


@dataclass(frozen=True, eq=False)
class Pairing:
    """Which test records of two audits are the same.

    Attributes:
        basis: What the change is measured on.
        rows: Places of the paired records in the first and in the second audit, `[2, n]`; empty without pairs.
        labels: Their labels, `[n]`.
        groups: Numbers of their groups, `[n]`; records that are of one group in either audit are of one.
        in_both: Records that both judged.
        relabelled: Records among them that are members in one audit and not in the other.
    """

    basis: Basis
    rows: IntArray
    labels: IntArray
    groups: IntArray
    in_both: int
    relabelled: int

    @classmethod
    def of(cls, first: Judged, second: Judged) -> Self:
        """Match the test records of two audits by their ids."""
        _, *places = np.intersect1d(first.ids, second.ids, assume_unique=True, return_indices=True)
        both = np.array(places, dtype=np.int64)
        agree = first.labels[both[0]] == second.labels[both[1]]
        rows = both[:, agree]
        labels = first.labels[rows[0]]
        groups = joined_groups(first.groups[rows[0]], second.groups[rows[1]])
        if not both.size:
            basis: Basis = "none" if np.intersect1d(first.groups, second.groups).size else "apart"
        elif len(labels) == len(first) == len(second):
            basis = "same"
        else:
            fewest = min(len(np.unique(groups[labels == side])) for side in (MEMBER, NON_MEMBER))
            basis = "shared" if fewest > 1 else "none"
        return cls(
            basis=basis,
            rows=rows,
            labels=labels,
            groups=groups,
            in_both=both.shape[1],
            relabelled=int(np.sum(~agree)),
        )


def joined_groups(first: Names, second: Names) -> IntArray:
    """One grouping of records from two: those that are together in either are together, `[n]`.

    Args:
        first: Name of each record's group, `[n]`.
        second: The same in the other grouping, `[n]`.
    """
    if not len(first):
        return np.arange(0)
    a, b = group_numbers(first, len(first)), group_numbers(second, len(second))
    b += a.max() + 1
    return components(int(b.max()) + 1, a, b)[a]


def _own_groups(result: MembershipResult, ids: Names, called: str) -> Names:
    """The ids, where every record of an audit that kept no groups is its own.

    Raises:
        ReportError: If they are not, so that no interval could be said.
    """
    records, groups = result.report.n_records, result.report.splits["groups"]
    if groups != records:
        raise ReportError(
            f"{called}: its scores.parquet is of a version that did not keep groups, and its {records} records are in "
            f"{groups}, so no interval can be said. Run the audit again; nothing is asked twice."
        )
    return ids
