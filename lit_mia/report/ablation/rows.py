"""What an ablation measured: heads at many points, and at many values of its axis; the columns of both."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from operator import attrgetter
from textwrap import fill
from typing import Literal

import pyarrow as pa

from lit_mia.report.columns import READ, Cell, Column, R, file_column, values_of
from lit_mia.report.exploration import area_cell
from lit_mia.report.fields import both_ends
from lit_mia.report.words import bounds, signed

Label = float | int | str
"""What tables and plots call a value."""
HeadKind = Literal["attack", "blind"]
ANY = "any"
"""For readers, the value of a control that the axis does not change."""
_OPTIONAL = {"fid_encoder": pa.string(), **dict.fromkeys(("fid_members", "fid_nonmembers"), pa.float64())}
_OPTIONAL |= dict.fromkeys(("auc_lo", "auc_hi", "delta", "delta_lo", "delta_hi"), pa.float64())
"""Types of the columns that may be empty, which Arrow cannot tell then."""
_HEADING = 15  # where the terminal breaks a heading, as wide as an interval


@dataclass(frozen=True)
class PointFacts:
    """One point, whatever the head.

    Attributes:
        settings: Key → label of its value here.
        n_train: Records that the heads were trained on.
        images_per_record: Images that were asked of the target for each record.
        nfe_per_record: Denoiser evaluations behind them.
        target: First 16 digits of the digest of the target's fingerprint.
        fid_encoder: What FID was measured with; None if it was not measured.
        fid_members: FID of the members and what was generated from their captions.
        fid_nonmembers: The same for the non-members.
    """

    settings: dict[str, Label]
    n_train: int
    images_per_record: int
    nfe_per_record: int
    target: str
    fid_encoder: str | None = None
    fid_members: float | None = None
    fid_nonmembers: float | None = None


@dataclass(frozen=True)
class HeadLine:
    """What was measured of one attack, or of its blind control.

    Attributes:
        attack: Name of the attack.
        kind: `attack`, or `blind` for its control without the target.
    """

    attack: str
    kind: HeadKind

    @property
    def name(self) -> str:
        """`II-S`, or `II-S blind`."""
        return self.attack if self.kind == "attack" else f"{self.attack} {self.kind}"


@dataclass(frozen=True)
class AblationRow(HeadLine):
    """One attack, or its blind control, at one point.

    Attributes:
        auc: Area under the ROC curve of the scores combined over seeds.
        auc_lo: Lower end of its 95 % interval; None if that cannot be said.
        auc_hi: Upper end of its 95 % interval, likewise.
        point: Where it was measured.
    """

    auc: float
    auc_lo: float | None
    auc_hi: float | None
    point: PointFacts


@dataclass(frozen=True)
class AblationSummary(HeadLine):
    """One attack, or its blind control, at one value of the axis, over its repetitions.

    Attributes:
        value: Label of the value.
        n: Number of repetitions.
        auc: Mean AUC of the repetitions.
        auc_lo: Lower end of its 95 % interval, which is over records; None if that cannot be said.
        auc_hi: Upper end of its 95 % interval, likewise.
        auc_min: Smallest AUC of a repetition.
        auc_max: Largest AUC of a repetition.
        delta: Mean AUC minus that of the baseline on the same records; None at the baseline, or without one.
        delta_lo: Lower end of its 95 % interval, which is over records; None if that cannot be said.
        delta_hi: Upper end of its 95 % interval.
    """

    value: Label
    n: int
    auc: float
    auc_lo: float | None
    auc_hi: float | None
    auc_min: float
    auc_max: float
    delta: float | None = None
    delta_lo: float | None = None
    delta_hi: float | None = None


def short(key: str) -> str:
    """The last step of a dotted key: `data.init_args.train_fraction` → `train_fraction`."""
    return key.rpartition(".")[-1]


def is_numeric(labels: Sequence[Label]) -> bool:
    """Whether all labels are numbers, so that they have an order and distances."""
    return not any(isinstance(label, str) for label in labels)


# ---------------------------------------------------------------------- columns


def row_columns(n_members: int, n_nonmembers: int) -> list[Column[AblationRow]]:
    """The columns of attacks and blind controls at single points: one per key, and what is known of the point.

    Args:
        n_members: Measured members.
        n_nonmembers: Measured non-members.
    """
    facts = ("n_train", "images_per_record", "nfe_per_record", "target", "fid_encoder", "fid_members", "fid_nonmembers")
    return [
        *map(file_column, ("attack", "kind")),
        Column("settings", "", parts=lambda rows: [_setting(key, rows) for key in rows[0].point.settings]),
        *map(file_column, ("auc", "auc_lo", "auc_hi")),
        file_column("n_members", lambda _: n_members),
        file_column("n_nonmembers", lambda _: n_nonmembers),
        *(file_column(name, attrgetter(f"point.{name}")) for name in facts),
    ]


def summary_columns(axis: str, baseline: Label | None) -> list[Column[AblationSummary]]:
    """The columns of attacks and blind controls at the values of the axis.

    Args:
        axis: Its key.
        baseline: What differences are taken to; None without differences.
    """
    difference = f"Δ to {baseline}"
    return [
        *map(file_column, ("attack", "kind")),
        Column("value", "", parts=lambda lines: [_value(axis, lines)]),
        file_column("n"),
        Column("auc", "AUC [95 % CI]", area_cell, lambda line: line.auc),
        *map(file_column, ("auc_lo", "auc_hi", "auc_min", "auc_max")),
        Column(
            "range",
            "Range (n)",
            lambda line: Cell(f"{line.auc_min:.2f}–{line.auc_max:.2f} ({line.n})"),
            shown=READ,
            when=lambda lines: any(line.n > 1 for line in lines),
        ),
        Column(
            "difference",
            f"{difference} [95 % CI]",
            _difference,
            shown=READ,
            short=f"{fill(difference, _HEADING)}\n[95 % CI]",
            when=lambda _: baseline is not None,
        ),
        *map(file_column, ("delta", "delta_lo", "delta_hi")),
    ]


def arrow_table(columns: Sequence[Column[R]], rows: Sequence[R]) -> pa.Table:
    """The values of some rows, for Parquet and CSV."""
    values = values_of(columns, rows, "csv")
    return pa.table({name: pa.array(column, _OPTIONAL.get(name)) for name, column in values.items()})


def summary_blocks(summary: Sequence[AblationSummary]) -> list[list[AblationSummary]]:
    """Attack by attack, with a single line of each control that has the same numbers at every value."""
    anywhere = {line: replace(line, value=ANY) for line in summary if line.kind == "blind"}
    varied = {attack for attack, n in Counter(line.attack for line in set(anywhere.values())).items() if n > 1}
    lines = dict.fromkeys(line if line.attack in varied else anywhere.get(line, line) for line in summary)
    return [list(block) for _, block in groupby(lines, lambda line: line.attack)]


def _setting(key: str, rows: Sequence[AblationRow]) -> Column[AblationRow]:
    spell = _spelling([row.point.settings[key] for row in rows])
    return file_column(key, lambda row: spell(row.point.settings[key]))


def _value(axis: str, lines: Sequence[AblationSummary]) -> Column[AblationSummary]:
    spell = _spelling([line.value for line in lines])
    numeric = is_numeric([line.value for line in lines if line.value != ANY])
    return Column(
        axis, short(axis), lambda line: Cell(str(line.value)), lambda line: spell(line.value), left=not numeric
    )


def _spelling(labels: Sequence[Label]) -> Callable[[Label], Label]:
    """Numbers stay numbers, if all labels are; else all are text."""
    return (lambda label: label) if is_numeric(labels) else str


def _difference(line: AblationSummary) -> Cell:
    if line.delta is None:
        return Cell()
    return Cell(signed(line.delta), bounds(both_ends(line.delta_lo, line.delta_hi)))
