"""The columns of a membership audit: each number is computed, written and shown by its entry here.

A package outside adds one with `COLUMNS.add(MembershipColumn(...))`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from lit_mia.errors import PluginError
from lit_mia.metrics.auc import auc
from lit_mia.metrics.intervals import auc_estimate
from lit_mia.metrics.threshold import (
    balanced_accuracy,
    balanced_threshold,
    tpr_at_fpr,
)
from lit_mia.registry import Registry
from lit_mia.report.columns import PLACES, READ, TABLES, Cell, Column, Place, Table, table_of
from lit_mia.report.fields import both_ends
from lit_mia.report.membership.details.histograms import counted_scores
from lit_mia.report.membership.details.thresholds import frozen
from lit_mia.report.membership.findings import finding, outcome_cell, short_outcome, smallest_cell, times
from lit_mia.report.membership.notes import blocks, fpr_levels
from lit_mia.report.membership.protocols import PROTOCOLS
from lit_mia.report.membership.schema import AuditReport, Row
from lit_mia.report.membership.scores import RowEvidence
from lit_mia.report.words import bounds, count, interval, number, percent

FPRS = (0.1, 0.01, 0.001)
TERMINAL_LEVELS = FPRS[:2]  # more do not fit into 80 columns; the page shows all


@dataclass(frozen=True)
class MembershipColumn(Column[Row]):
    """A column that also says how its values are computed.

    Attributes:
        measure: The values of a row under their names in `audit.json`; a control has the same names as an attack.
    """

    measure: Callable[[RowEvidence], Mapping[str, Any]] = lambda _: {}


def measured(evidence: RowEvidence) -> dict[str, Any]:
    """The values of all columns for one row.

    Raises:
        PluginError: If two columns compute a value of the same name.
    """
    values: dict[str, Any] = {}
    for column in COLUMNS:
        of_column = column.measure(evidence)
        if both := values.keys() & of_column.keys():
            raise PluginError(f"The column {column.name!r} computes {sorted(both)}, as another does. Rename the value.")
        values |= of_column
    return values


# ---------------------------------------------------------------------- what is computed


def _auc(evidence: RowEvidence) -> dict[str, Any]:
    test = evidence.test
    estimate = auc_estimate(evidence.on(test), test.labels, test.groups)
    seeds = [auc(seed[test.rows], test.labels) for seed in evidence.row.scores]
    return {"auc": estimate.auc, "auc_ci": estimate.ci and list(estimate.ci), "auc_per_seed": seeds}


def _tpr_point(evidence: RowEvidence, fpr: float) -> dict[str, Any]:
    """The true positive rate at a false positive rate; None, with a `reason`, below the floor 10 / n0."""
    test = evidence.test
    point = tpr_at_fpr(evidence.on(test), test.labels, fpr, test.groups)
    ci = both_ends(point.lo, point.hi)
    return {"fpr": fpr, "tpr": point.tpr, "ci": ci, "achieved_fpr": point.achieved_fpr, "reason": point.reason}


def _accuracy(evidence: RowEvidence) -> dict[str, Any]:
    calibration, test = evidence.calibration, evidence.test
    threshold = balanced_threshold(evidence.on(calibration), calibration.labels)
    accuracy = balanced_accuracy(evidence.on(test), test.labels, threshold, test.groups)
    return {"accuracy": accuracy.value, "accuracy_ci": [accuracy.lo, accuracy.hi], "threshold": threshold}


# ---------------------------------------------------------------------- how it is written


def is_attack(row: Row) -> bool:
    """Whether a row is an attack, not a control."""
    return row.kind == "attack"


def short_name(row: Row) -> str:
    """What a row is called under the heading of its attack: the attack's name, or the rest of the control's."""
    return row.name.removeprefix(f"{row.attack} ")


def attack_table(report: AuditReport, place: Place, name: Callable[[Row], str]) -> Table:
    """The headline table.

    Args:
        report: The numbers.
        place: Where it will stand.
        name: What a row is called.
    """
    return table_of("Attack", COLUMNS, blocks(report), place, name=name, kind=lambda row: row.kind, strong=is_attack)


def _nfe_cell(row: Row) -> Cell:
    evaluations = row["evaluations"]
    return Cell(count(evaluations) if is_attack(row) and evaluations is not None else "")


def _setting_cell(row: Row) -> Cell:
    """A placebo's is that of its attack, which stands above it."""
    return Cell("" if row.kind == "placebo" else row["setting"] or "")


def _auc_cell(row: Row) -> Cell:
    seeds = row["auc_per_seed"]
    spread = f"seeds {min(seeds):.3f}–{max(seeds):.3f}" if is_attack(row) and len(seeds) > 1 else ""
    return Cell(number(row["auc"]), bounds(row["auc_ci"]), spread)


def _tpr_cell(row: Row, place: int) -> Cell:
    point = row["tpr_at_fpr"][place]
    note = f"at {percent(point['achieved_fpr'])} FPR" if is_attack(row) and point["achieved_fpr"] is not None else ""
    return Cell(number(point["tpr"]), interval(point["ci"]), note)


def _tpr_column(place: int, level: float) -> Column[Row]:
    return Column(
        name=f"tpr@{level:g}",
        heading=f"TPR@{percent(level)} FPR",
        short=f"TPR@\n{percent(level)}",
        write=lambda row: _tpr_cell(row, place),
        brief=lambda row: Cell(number(row["tpr_at_fpr"][place]["tpr"])),
        value=lambda row: row["tpr_at_fpr"][place]["tpr"],
        shown=PLACES if level in TERMINAL_LEVELS else PLACES - {"terminal"},
    )


def _tpr_columns(rows: Sequence[Row]) -> list[Column[Row]]:
    return [
        column
        for place, level in enumerate(fpr_levels(rows))
        for column in (_tpr_column(place, level), *_ends(f"tpr@{level:g}", partial(_tpr_interval, place)))
    ]


def _tpr_interval(place: int, row: Row) -> Any:
    return row["tpr_at_fpr"][place]["ci"]


def _smallest(row: Row, name: str) -> Any:
    """The smallest difference, or its interval."""
    return row["smallest_difference"] and row["smallest_difference"][name]


def _ends(name: str, interval_of: Callable[[Row], Sequence[float] | None]) -> list[MembershipColumn]:
    """The ends of an interval, for files."""

    def end(place: int) -> Callable[[Row], float | None]:
        return lambda row: (interval_of(row) or (None, None))[place]

    return [
        MembershipColumn(name=f"{name}_{which}", heading=f"{name}_{which}", value=end(place), shown=TABLES)
        for place, which in enumerate(("lo", "hi"))
    ]


COLUMNS: Registry[MembershipColumn] = Registry[MembershipColumn](
    "column of a membership audit",
    (
        MembershipColumn(
            name="protocol",
            heading="Scored by",
            write=lambda row: Cell(PROTOCOLS[row["protocol"]].label if is_attack(row) else ""),
            value=lambda row: row["protocol"],
            measure=lambda evidence: {"protocol": evidence.row.protocol},
            left=True,
            when=lambda rows: len({row["protocol"] for row in rows}) > 1,
        ),
        MembershipColumn(
            name="setting",
            heading="Setting",
            write=_setting_cell,
            value=lambda row: row["setting"],
            measure=lambda evidence: {"setting": evidence.row.setting},
            left=True,
            when=lambda rows: any(row["setting"] for row in rows),
        ),
        MembershipColumn(
            name="evaluations",
            heading="NFE",
            write=_nfe_cell,
            value=lambda row: row["evaluations"],
            measure=lambda evidence: {"evaluations": evidence.row.evaluations},
            when=lambda rows: any(row["evaluations"] is not None for row in rows),
        ),
        MembershipColumn(
            name="auc",
            heading="AUC [95 % CI]",
            write=_auc_cell,
            brief=lambda row: Cell(number(row["auc"]), bounds(row["auc_ci"])),
            value=lambda row: row["auc"],
            measure=_auc,
        ),
        *_ends("auc", lambda row: row["auc_ci"]),
        MembershipColumn(
            name="accuracy",
            heading="Balanced accuracy",
            short="Acc.",
            write=lambda row: Cell(number(row["accuracy"]), interval(row["accuracy_ci"])),
            brief=lambda row: Cell(number(row["accuracy"])),
            value=lambda row: row["accuracy"],
            measure=_accuracy,
        ),
        *_ends("accuracy", lambda row: row["accuracy_ci"]),
        MembershipColumn(
            name="tpr",
            heading="",
            measure=lambda evidence: {"tpr_at_fpr": [_tpr_point(evidence, fpr) for fpr in FPRS]},
            parts=_tpr_columns,
        ),
        MembershipColumn(
            name="smallest_difference",
            heading="Smallest ΔAUC [95 % CI]",
            short="Smallest ΔAUC",
            write=smallest_cell,
            shown=READ,
            when=lambda rows: any(row["smallest_difference"] for row in rows),
        ),
        MembershipColumn(
            name="ratio_lo",
            heading="Shift factor",
            short="Shift",
            write=lambda row: Cell(times(row["ratio_lo"]) if is_attack(row) else ""),
            value=lambda row: row["ratio_lo"],
            when=lambda rows: any(row["smallest_difference"] for row in rows),
        ),
        MembershipColumn(
            name="outcome",
            heading="Finding",
            write=outcome_cell,
            brief=lambda row: Cell(short_outcome(row["outcome"])),
            value=lambda row: row["outcome"],
            measure=finding,
            left=True,
        ),
        MembershipColumn(
            name="smallest_delta", heading="smallest_delta", value=lambda row: _smallest(row, "delta"), shown=TABLES
        ),
        *_ends("smallest", lambda row: _smallest(row, "ci")),
        MembershipColumn(name="p_adjusted", heading="Adjusted p", value=lambda row: row["p_adjusted"], shown=TABLES),
        # numbers that only `audit.json` holds, or that another part of the page shows
        MembershipColumn(
            name="counts",
            heading="",
            measure=lambda evidence: {
                "n_members": int(np.sum(evidence.test.labels == 1)),
                "n_nonmembers": int(np.sum(evidence.test.labels == 0)),
            },
            shown=frozenset(),
        ),
        MembershipColumn(name="transfer", heading="", measure=frozen, shown=frozenset()),
        MembershipColumn(name="histogram", heading="", measure=counted_scores, shown=frozenset()),
        MembershipColumn(
            name="access",
            heading="Access",
            value=lambda row: row["access"],
            measure=lambda evidence: {"access": evidence.row.access and str(evidence.row.access)},
            shown=TABLES,
        ),
        MembershipColumn(
            name="reads_base",
            heading="",
            measure=lambda evidence: {"reads_base": evidence.row.reads_base},
            shown=frozenset(),
        ),
    ),
)
"""In the order of tables; a package outside may add to them."""
