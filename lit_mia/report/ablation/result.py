"""What an ablation returns: its numbers, where they come from, and how they are drawn."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import partial
from typing import Annotated, Any, ClassVar, TypedDict, final

from lit_mia.report.ablation.rows import (
    AblationRow,
    AblationSummary,
    Label,
    arrow_table,
    is_numeric,
    row_columns,
    short,
    summary_blocks,
    summary_columns,
)
from lit_mia.report.base import Logger, Writer
from lit_mia.report.columns import Place, Table, table_of
from lit_mia.report.exploration import BESIDE, Exploration, area_ci, area_ends, draw_areas, frame_areas, line_style
from lit_mia.report.forms.fields import Fields, Share, ShareEnds
from lit_mia.report.style import WIDE, Axes, Figure, drawing
from lit_mia.report.tables import write_csv
from lit_mia.report.tracking import log_run
from lit_mia.row_kinds import ROW_KINDS

ROWS, ROWS_AS_TEXT, SUMMARY, PLOT = "ablation.parquet", "ablation.csv", "summary.csv", "ablation.png"
_DODGE = 24.0  # points from the first attack to the last at one value, so that no error bar hides another
_MARGIN = 0.08  # share of the x axis beside the outermost values
_LOGARITHMIC = 8.0  # ratio of the outermost values from which the axis is logarithmic

Places = Mapping[Label, float]
"""Where each value stands on the x axis: a number at itself, a name at its position."""


class _Named(TypedDict):
    """What rows of audits of any kind have."""

    name: str
    auc: Share
    auc_ci: ShareEnds | None


class _InFile(TypedDict):
    """What the file holds in another form than the code."""

    rows: list[Annotated[dict[str, Any], Fields("AblationRow", (AblationRow, _Named))]]


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
    in_file: ClassVar[type] = _InFile
    axis: str
    rows: tuple[AblationRow, ...]
    summary: tuple[AblationSummary, ...]
    baseline: Label | None
    split_digest: str
    stores: dict[str, str]
    audit: dict[str, Any]

    def measured(self) -> dict[str, Any]:
        """Rows and summary, and where they come from."""
        rows = [{"name": row.name, **asdict(row), "auc_ci": area_ci(row)} for row in self.rows]
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

    def figure(self) -> Figure:
        """AUC against the axis: a line per attack with 95 % intervals, its blind control dashed in the same colour.

        Small dots are repetitions. Values that are no numbers stand beside each other without lines. Attacks are
        shifted a little to be told apart.
        """
        values = list(dict.fromkeys(line.value for line in self.summary))
        places = {value: float(value) if is_numeric(values) else float(i) for i, value in enumerate(values)}
        attacks = list(dict.fromkeys(line.attack for line in self.summary))
        with drawing(9.5, 4.4, settings=WIDE) as (figure, (axes,)):
            for rank, attack in enumerate(attacks):
                style = line_style(axes, rank, len(attacks), _DODGE)
                _draw_attack(axes, self, attack, places=places, style=style)
            _set_x(axes, places)
            frame_areas(axes, [*area_ends(self.summary), *(row.auc for row in self.rows)], short(self.axis))
            handles = dict(zip(*reversed(axes.get_legend_handles_labels()), strict=True))
            names = [f"{attack}{rest}" for attack in attacks for rest in ("", " blind")]
            axes.legend(handles=[handles[name] for name in (*names, "chance")], **BESIDE)
            figure.suptitle(self.counts, fontweight="bold")
        return figure

    def files(self) -> dict[str, Writer]:
        """Rows as Parquet and text, the summary, and the figure."""
        from pyarrow import parquet

        rows = arrow_table(row_columns(self.n_members, self.n_nonmembers), self.rows)
        summary = arrow_table(summary_columns(self.axis, self.baseline), self.summary)
        return {
            ROWS: partial(parquet.write_table, rows),
            ROWS_AS_TEXT: partial(write_csv, rows.to_pydict()),
            SUMMARY: partial(write_csv, summary.to_pydict()),
            PLOT: self.write_figure,
        }

    def log(self, logger: Logger) -> None:
        """Log each point as a run of its own, in one group: its values as config, the AUC of every head as summary."""
        points: dict[str, list[AblationRow]] = {}
        for row in self.rows:
            points.setdefault(", ".join(map(str, row.point.settings.values())), []).append(row)
        for settings, rows in points.items():
            run = logger(name=f"{self.origin.name} {settings}", group=self.origin.name)
            config = {
                "point": rows[0].point.settings,
                "axis": self.axis,
                **{name: getattr(rows[0].point, name) for name in ("n_train", "nfe_per_record", "target")},
                "split_digest": self.split_digest,
                "store_digest": self.stores[rows[0].point.target],
            }
            areas = {f"{'+'.join(self.splits)}/auc/{row.name}": row.auc for row in rows}
            log_run(run, config, areas)


def _draw_attack(axes: Axes, result: AblationResult, attack: str, *, places: Places, style: Mapping[str, Any]) -> None:
    """Draw the areas of an attack, its repetitions where there are several at one value, and its blind control."""
    own, blind = (
        [line for line in result.summary if (line.attack, line.kind) == (attack, kind)] for kind in ("attack", "blind")
    )
    numeric = is_numeric(list(places))
    solid, dashed = ("-", ROW_KINDS["blind"].dash) if numeric else ("none", "none")
    draw_areas(axes, [places[line.value] for line in own], own, label=own[0].name, linestyle=solid, **style)
    repeated = {line.value for line in own if line.n > 1}
    found = [(row.point.settings[result.axis], row.auc) for row in result.rows if row.name == own[0].name]
    dots = [(places[value], auc) for value, auc in found if value in repeated]
    dotted = {**style, "marker": ".", "linestyle": "none"}
    axes.plot([x for x, _ in dots], [auc for _, auc in dots], markersize=3, alpha=0.35, label="_repetitions", **dotted)
    axes.plot(
        [places[line.value] for line in blind],
        [line.auc for line in blind],
        label=blind[0].name,
        linestyle=dashed,
        markerfacecolor="none",
        markersize=4.5,
        linewidth=0.9,
        **style,
    )


def _set_x(axes: Axes, places: Places) -> None:
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
