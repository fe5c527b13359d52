"""What an ablation returns: its numbers, where they come from, and how they are drawn."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, final

from lit_mia.report.ablation.rows import (
    AblationRow,
    AblationSummary,
    Label,
    PointFacts,
    arrow_table,
    is_numeric,
    row_columns,
    short,
    summary_blocks,
    summary_columns,
)
from lit_mia.report.areas import BESIDE, draw_areas, frame_areas, line_style
from lit_mia.report.base import Logger, Writer
from lit_mia.report.columns import Place, Table, table_of
from lit_mia.report.exploration import Exploration, read_fields
from lit_mia.report.style import WIDE, drawing
from lit_mia.report.tracking import log_run
from lit_mia.row_kinds import ROW_KINDS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ROWS, ROWS_AS_TEXT, SUMMARY, PLOT = "ablation.parquet", "ablation.csv", "summary.csv", "ablation.png"
_DODGE = 24.0  # points from the first attack to the last at one value, so that no error bar hides another
_MARGIN = 0.08  # share of the x axis beside the outermost values
_LOGARITHMIC = 8.0  # ratio of the outermost values from which the axis is logarithmic

Places = Mapping[Label, float]
"""Where each value stands on the x axis: a number at itself, a name at its position."""


@final
@dataclass(frozen=True, kw_only=True)
class AblationResult(Exploration):
    """The numbers of an ablation, and where they come from.

    Attributes:
        axis: The key on the x axis.
        rows: Every attack and blind control at every point.
        summary: Every attack and blind control at every value of the axis.
        baseline: What the differences are taken to; None without differences.
        split_digest: Hash of the splits.
        stores: Hash of the answers of each target, by the first 16 digits of its fingerprint's digest.
        audit: Config of the audit that was varied.
    """

    schema: ClassVar[str] = "lit-mia/ablation/1"
    title: ClassVar[str] = "Ablation"
    deed: ClassVar[str] = (
        "Trained heads and their blind controls were measured at many points of the config of an audit"
    )
    axis: str
    rows: tuple[AblationRow, ...]
    summary: tuple[AblationSummary, ...]
    baseline: Label | None
    split_digest: str
    stores: dict[str, str]
    audit: dict[str, Any]

    @classmethod
    def own_fields(cls, numbers: Mapping[str, Any]) -> dict[str, Any]:
        """Axis, rows and summary, and where they come from."""
        points = [read_fields(PointFacts, row["point"]) for row in numbers["rows"]]
        rows = zip(numbers["rows"], points, strict=True)
        return {
            **{name: numbers[name] for name in ("axis", "baseline", "split_digest", "stores", "audit")},
            "rows": tuple(read_fields(AblationRow, {**row, "point": point}) for row, point in rows),
            "summary": tuple(read_fields(AblationSummary, line) for line in numbers["summary"]),
        }

    def measured(self) -> dict[str, Any]:
        """Rows and summary, and where they come from."""
        rows = [{"name": row.name, **asdict(row), "auc_ci": [row.auc_lo, row.auc_hi]} for row in self.rows]
        return {
            "axis": self.axis,
            "baseline": self.baseline,
            "rows": rows,
            "summary": [asdict(line) for line in self.summary],
            "split_digest": self.split_digest,
            "stores": self.stores,
            "audit": self.audit,
        }

    def sources(self) -> dict[str, Any]:
        """The answers of each target, and the hash of the splits."""
        return {"details": {"Answers of each target": self.stores}, "digests": {"splits": self.split_digest}}

    def table(self, place: Place) -> Table:
        """The summary; a control that the axis does not change is one line."""
        return table_of(
            "Attack",
            summary_columns(self.axis, self.baseline),
            summary_blocks(self.summary),
            place,
            name=lambda line: line.name,
            kind=lambda line: line.kind,
            strong=lambda line: line.kind == "attack",
        )

    def figure(self) -> "Figure":
        """AUC against the axis: a line per attack with 95 % intervals, its blind control dashed in the same colour.

        Small dots are repetitions. Values that are no numbers stand beside each other without lines. Attacks are
        shifted a little to be told apart.
        """
        values = list(dict.fromkeys(line.value for line in self.summary))
        places = {value: float(value) if is_numeric(values) else float(i) for i, value in enumerate(values)}
        attacks = list(dict.fromkeys(line.attack for line in self.summary))
        ends = [end for line in self.summary for end in (line.auc_lo, line.auc_hi)]
        with drawing(9.5, 4.4, settings=WIDE) as (figure, (axes,)):
            for rank, attack in enumerate(attacks):
                own, blind = (
                    [line for line in self.summary if (line.attack, line.kind) == (attack, kind)]
                    for kind in ("attack", "blind")
                )
                style = line_style(axes, rank, len(attacks), _DODGE)
                _draw_attack(axes, own, places, style)
                _draw_repetitions(axes, self._repetitions(own), places, style)
                _draw_blind(axes, blind, places, style)
            _set_x(axes, places)
            frame_areas(axes, [*ends, *(row.auc for row in self.rows)], short(self.axis))
            handles = dict(zip(*reversed(axes.get_legend_handles_labels()), strict=True))
            names = [f"{attack}{rest}" for attack in attacks for rest in ("", " blind")]
            axes.legend(handles=[handles[name] for name in (*names, "chance")], **BESIDE)
            figure.suptitle(self.counts, fontweight="bold")
        return figure

    def files(self) -> dict[str, Writer]:
        """Rows as Parquet and text, the summary, and the figure."""
        from pyarrow import csv, parquet

        rows = arrow_table(row_columns(self.n_members, self.n_nonmembers), self.rows)
        summary = arrow_table(summary_columns(self.axis, self.baseline), self.summary)
        return {
            ROWS: partial(parquet.write_table, rows),
            ROWS_AS_TEXT: partial(csv.write_csv, rows),
            SUMMARY: partial(csv.write_csv, summary),
            PLOT: self.write_figure,
        }

    def log(self, logger: Logger) -> None:
        """Log each point as a run of its own, in one group: its values as config, the AUC of every head as summary."""
        points: dict[str, list[AblationRow]] = {}
        for row in self.rows:
            points.setdefault(", ".join(map(str, row.point.settings.values())), []).append(row)
        for settings, rows in points.items():
            run = logger(name=f"{self.origin.name} {settings}", group=self.origin.name)
            areas = {f"{'+'.join(self.splits)}/auc/{row.name}": row.auc for row in rows}
            log_run(run, self._settings_of(rows[0].point), areas)

    def _settings_of(self, point: PointFacts) -> dict[str, Any]:
        return {
            "point": point.settings,
            "axis": self.axis,
            "n_train": point.n_train,
            "nfe_per_record": point.nfe_per_record,
            "target": point.target,
            "split_digest": self.split_digest,
            "store_digest": self.stores[point.target],
        }

    def _repetitions(self, lines: Sequence[AblationSummary]) -> list[tuple[Label, float]]:
        """Value and AUC of each single point of one attack, where there are several at one value."""
        repeated = {(line.name, line.value) for line in lines if line.n > 1}
        found = [(row.name, row.point.settings[self.axis], row.auc) for row in self.rows]
        return [(value, auc) for name, value, auc in found if (name, value) in repeated]


def _draw_attack(axes: "Axes", lines: Sequence[AblationSummary], places: Places, style: Mapping[str, Any]) -> None:
    joined = "-" if is_numeric(list(places)) else "none"
    draw_areas(axes, [places[line.value] for line in lines], lines, label=lines[0].name, linestyle=joined, **style)


def _draw_repetitions(
    axes: "Axes", dots: Sequence[tuple[Label, float]], places: Places, style: Mapping[str, Any]
) -> None:
    own = {**style, "marker": ".", "linestyle": "none"}
    at = [places[value] for value, _ in dots]
    axes.plot(at, [auc for _, auc in dots], markersize=3, alpha=0.35, label="_repetitions", **own)


def _draw_blind(axes: "Axes", lines: Sequence[AblationSummary], places: Places, style: Mapping[str, Any]) -> None:
    axes.plot(
        [places[line.value] for line in lines],
        [line.auc for line in lines],
        label=lines[0].name,
        linestyle=ROW_KINDS["blind"].dash if is_numeric(list(places)) else "none",
        markerfacecolor="none",
        markersize=4.5,
        linewidth=0.9,
        **style,
    )


def _set_x(axes: "Axes", places: Places) -> None:
    """Ticks at the values, logarithmic where they span much and are above zero."""
    first, last = min(places.values()), max(places.values())
    numeric = is_numeric(list(places))
    if numeric and first > 0 and last / first >= _LOGARITHMIC:
        axes.set_xscale("log")
        axes.minorticks_off()
        beside = (last / first) ** _MARGIN
        axes.set_xlim(first / beside, last * beside)
    else:
        margin = (last - first) * _MARGIN if numeric and last > first else 0.5
        axes.set_xlim(first - margin, last + margin)
    labels = [value if isinstance(value, str) else f"{value:g}" for value in places]
    axes.set_xticks(list(places.values()), labels=labels)
