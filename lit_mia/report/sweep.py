"""What a sweep of training-free attacks returns."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial
from itertools import groupby
from typing import Annotated, Any, ClassVar, TypedDict, final

from lit_mia.attacks.statistics.base import Setting, describe
from lit_mia.report.base import Logger, Writer
from lit_mia.report.columns import READ, Cell, Column, Place, Table, file_column, table_of, values_of
from lit_mia.report.exploration import (
    BESIDE,
    Exploration,
    area_cell,
    area_ci,
    area_ends,
    draw_areas,
    frame_areas,
    line_style,
)
from lit_mia.report.forms.fields import Fields, Share, ShareEnds
from lit_mia.report.style import WIDE, Axes, Figure, drawing
from lit_mia.report.tables import write_csv
from lit_mia.report.tracking import log_run
from lit_mia.report.words import count

TABLE, PLOT = "sweep.csv", "sweep.png"
WORDS = {
    "t": "timestep t",
    "k": "timesteps per step, k",
    "n": "number of averaged variations, n",
    "alpha": "weight of the caption term, α",
}
"""What the arguments are in plain words; any other is called by its name."""
_DODGE = 14.0  # points from the first line to the last at one value, so that no error bar hides another
_MARGIN = 0.06  # share of the x axis beside the outermost values


@dataclass(frozen=True)
class SweepRow:
    """One attack at one setting.

    Attributes:
        attack: Name of the attack.
        setting: One value for each argument that may be swept.
        auc: Area under the ROC curve; below 0.5 if the attack is inverted, never turned round.
        auc_lo: Lower end of its 95 % interval; None if that cannot be said.
        auc_hi: Upper end of its 95 % interval, likewise.
        n_members: Members that were measured.
        n_nonmembers: Non-members that were measured.
        evaluations: Denoiser evaluations per record that the attack makes alone.
    """

    attack: str
    setting: Setting
    auc: float
    auc_lo: float | None
    auc_hi: float | None
    n_members: int
    n_nonmembers: int
    evaluations: int


def _argument(name: str) -> Column[SweepRow]:
    """A swept argument; empty where an attack has no such argument."""
    return file_column(name, lambda row: row.setting.get(name))


COLUMNS: tuple[Column[SweepRow], ...] = (
    file_column("attack"),
    Column("setting", "Setting", lambda row: Cell(describe(row.setting)), shown=READ, left=True),
    Column(
        "arguments",
        "",
        parts=lambda rows: [_argument(name) for name in dict.fromkeys(name for row in rows for name in row.setting)],
    ),
    Column("auc", "AUC [95 % CI]", area_cell, lambda row: row.auc),
    *map(file_column, ("auc_lo", "auc_hi", "n_members", "n_nonmembers")),
    Column("nfe_alone", "NFE alone", lambda row: Cell(count(row.evaluations)), lambda row: row.evaluations),
)


class _Named(TypedDict):
    """What rows of audits of any kind have."""

    name: str
    kind: str
    auc: Share
    auc_ci: ShareEnds | None


class _InFile(TypedDict):
    """What the file holds in another form than the code."""

    rows: list[Annotated[dict[str, Any], Fields("SweepRow", (SweepRow, _Named))]]


@final
@dataclass(frozen=True, kw_only=True)
class SweepResult(Exploration):
    """What a sweep measured, and where the numbers come from.

    Attributes:
        rows: All settings of all attacks, in their order.
        target: Fingerprint of the target.
        hashes: Of the splits and of the answers.
    """

    schema: ClassVar[str] = "lit-mia/sweep/1"
    title: ClassVar[str] = "Sweep"
    deed: ClassVar[str] = "Training-free attacks were measured at many settings"
    in_file: ClassVar[type] = _InFile
    rows: tuple[SweepRow, ...]
    target: dict[str, Any]
    hashes: dict[str, str]

    def measured(self) -> dict[str, Any]:
        """All rows, and where they come from; name, kind and interval of a row as audits of any kind have them."""
        rows = [{"name": row.attack, "kind": "attack", **asdict(row), "auc_ci": area_ci(row)} for row in self.rows]
        return {"rows": rows, "target": self.target, "hashes": self.hashes}

    def sources(self) -> dict[str, Any]:
        """The target, and the hashes of splits and answers."""
        return {"details": {"Target": self.target}, "digests": self.hashes}

    def table(self, place: Place) -> Table:
        """All settings, attack by attack."""
        return table_of(
            "Attack",
            COLUMNS,
            [list(block) for _, block in groupby(self.rows, lambda row: row.attack)],
            place,
            name=lambda row: row.attack,
            kind=lambda _: "attack",
            strong=lambda _: True,
        )

    def figure(self) -> Figure:
        """One axes per argument that some attack has several values of, with one line per attack and other values.

        Error bars are 95 % intervals. Lines stand a little beside each other; ticks are the exact values.
        """
        names = swept_names(self.rows)
        with drawing(9.5, 3.8 * len(names) + 0.4, rows=len(names), settings=WIDE) as (figure, grid):
            for axes, name in zip(grid, names, strict=True):
                _draw(axes, name, [row for row in self.rows if name in row.setting])
            figure.suptitle(self.counts, fontweight="bold")
        return figure

    def files(self) -> dict[str, Writer]:
        """Table and figure."""
        return {TABLE: partial(write_csv, values_of(COLUMNS, self.rows, "csv")), PLOT: self.write_figure}

    def log(self, logger: Logger) -> None:
        """Log table and figure as one run."""
        config = {"sweep": self.origin.config, **self.hashes, "target": self.target}
        tables = {"sweep": values_of(COLUMNS, self.rows, "wandb")}
        log_run(logger(), config, tables=tables, figures={"areas": self.figure()})


def swept_names(rows: Sequence[SweepRow]) -> list[str]:
    """Arguments that an attack has several values of, in the order of their appearance."""
    values: dict[tuple[str, str], set[float]] = {}
    for row in rows:
        for name, value in row.setting.items():
            values.setdefault((name, row.attack), set()).add(value)
    return list(dict.fromkeys(name for (name, _), of_attack in values.items() if len(of_attack) > 1))


def _draw(axes: Axes, name: str, rows: Sequence[SweepRow]) -> None:
    lines = _lines(name, rows)
    for rank, (label, line) in enumerate(lines.items()):
        style = line_style(axes, rank, len(lines), _DODGE)
        draw_areas(axes, [row.setting[name] for row in line], line, label=label, **style)
    values, words = sorted({row.setting[name] for row in rows}), WORDS.get(name, name)
    margin = _MARGIN * (values[-1] - values[0])
    axes.set_xticks(values, labels=[f"{value:g}" for value in values])
    axes.set_xlim(values[0] - margin, values[-1] + margin)
    axes.set_title(f"AUC by {words}", loc="left")
    frame_areas(axes, area_ends(rows), words[0].upper() + words[1:])
    axes.legend(**BESIDE)


def _lines(name: str, rows: Sequence[SweepRow]) -> dict[str, list[SweepRow]]:
    """Label → rows of each line, ascending in the argument `name`."""
    lines: dict[str, list[SweepRow]] = {}
    for row in rows:
        others: Setting = {other: value for other, value in row.setting.items() if other != name}
        label = f"{row.attack}, {describe(others)}" if others else row.attack
        lines.setdefault(label, []).append(row)
    return {label: sorted(line, key=lambda row: row.setting[name]) for label, line in lines.items()}
