"""What `compare.json` holds."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from lit_mia.report.comparison.records import Basis
from lit_mia.report.fields import json_values

SCHEMA = "lit-mia/compare/1"
Finding = Literal["lower", "higher", "no difference seen", "not said"]
"""What is said of a change from A to B; `not said` where it has no interval."""


@dataclass(frozen=True)
class Side:
    """One of the two audits.

    Attributes:
        folder: Where it was read.
        name: Its name.
        created: ISO date.
        design: Who decided which records are members, and when.
        coin: Whether a coin was `verified` or only `stated`; None of other designs.
        access: Access level of the target.
        verdict: Its verdict, as `kind` and `sentence`.
        auc_needed: The AUC that its rule finds four times in five; None where that cannot be said.
        n_members: Members in its test split.
        n_nonmembers: Non-members there.
    """

    folder: str
    name: str
    created: str
    design: str
    coin: str | None
    access: str | None
    verdict: dict[str, str]
    auc_needed: float | None
    n_members: int
    n_nonmembers: int


@dataclass(frozen=True)
class Matched:
    """How the test records of both audits belong together.

    Attributes:
        basis: What the changes are measured on.
        in_both: Records that both judged.
        relabelled: Records among them that are members in one audit and not in the other; they are no pairs.
        n_members: Paired members.
        n_nonmembers: Paired non-members.
        groups: Groups of the paired records.
    """

    basis: Basis
    in_both: int
    relabelled: int
    n_members: int
    n_nonmembers: int
    groups: int


@dataclass(frozen=True)
class Area:
    """An AUC with its 95 % interval; None where that cannot be said."""

    auc: float
    ci: Sequence[float] | None


@dataclass(frozen=True)
class Moved:
    """The change of an AUC, B minus A.

    Attributes:
        before: The AUC in A on the records that the change is measured on.
        after: The AUC in B on these records.
        delta: The change.
        ci: Its 95 % interval, not adjusted for further rows; None where it cannot be said.
        p: Two-sided p of no change.
        p_adjusted: Of an attack, the same adjusted for all attacks (Holm).
        detectable: The change that this test would see four times in five, either way.
        finding: What is said of it.
    """

    before: Area
    after: Area
    delta: float
    ci: Sequence[float] | None
    p: float | None
    p_adjusted: float | None
    detectable: float | None
    finding: Finding

    @property
    def p_decisive(self) -> float | None:
        """The p that decides: adjusted where there is one."""
        return self.p if self.p_adjusted is None else self.p_adjusted


@dataclass(frozen=True)
class Beside:
    """The change of the difference between an attack and a control, B minus A, with its 95 % interval."""

    delta: float
    ci: Sequence[float] | None


@dataclass(frozen=True)
class MovedRate:
    """The change of an attack's true positive rate at a false positive rate, B minus A, with its 95 % interval."""

    fpr: float
    before: float
    after: float
    delta: float
    ci: Sequence[float] | None


@dataclass(frozen=True)
class ComparedRow:
    """An attack or a control that both audits have.

    Attributes:
        name: Its name.
        kind: Name of its kind in `ROW_KINDS`.
        attack: Name of the attack it belongs to.
        a: The AUC in A, of all its test records.
        b: The AUC in B, of all its test records.
        change: The change; None where none is said.
        beside: Of a control, the change of the difference to it; None of attacks, and where none is said.
        tpr: Of an attack, the changes of its true positive rates that are above the floor in both.
    """

    name: str
    kind: str
    attack: str
    a: Area
    b: Area
    change: Moved | None
    beside: Beside | None
    tpr: tuple[MovedRate, ...]

    @property
    def is_attack(self) -> bool:
        """Whether it is an attack, not a control."""
        return self.kind == "attack"


@dataclass(frozen=True)
class Differing:
    """Something that the two audits do not have in common; None where one lacks it."""

    name: str
    a: Any
    b: Any


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Two audits beside each other.

    Attributes:
        created: ISO date.
        a: The audit before.
        b: The audit after.
        matched: How their test records belong together.
        rows: Attacks, each followed by its controls, that both have.
        only_a: Rows that A alone has.
        only_b: Rows that B alone has.
        differing: What the two audits do not have in common, but for their numbers.
    """

    created: str
    a: Side
    b: Side
    matched: Matched
    rows: tuple[ComparedRow, ...]
    only_a: tuple[str, ...]
    only_b: tuple[str, ...]
    differing: tuple[Differing, ...]

    @property
    def attacks(self) -> list[ComparedRow]:
        """The rows of attacks."""
        return [row for row in self.rows if row.is_attack]

    def to_dict(self) -> dict[str, Any]:
        """The comparison as plain JSON values.

        Raises:
            ReportError: If a measured number is infinite or not a number.
        """
        return json_values({"schema": SCHEMA, **asdict(self)})
