"""The figure of an ablation: AUC against the axis. Matplotlib without pyplot."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lit_mia.report.ablation import AblationReport, AblationSummary, Label, is_numeric, short
from lit_mia.report.ablation_table import line_name
from lit_mia.report.plots import GRID, MUTED
from lit_mia.report.sweep_plot import DPI, LINE_COLOURS, LINE_MARKERS, STYLE

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

DODGE = 24.0  # points from the first attack to the last at one value, so that no error bar hides another
MARGIN = 0.08  # share of the x axis beside the outermost values
WIDE = 8.0  # ratio of the outermost values from which the axis is logarithmic


def write_ablation_plot(report: AblationReport, path: Path) -> None:
    """Write the figure as a PNG."""
    ablation_figure(report).savefig(path, format="png", dpi=DPI)


def ablation_figure(report: AblationReport) -> "Figure":
    """One line per attack with 95 % intervals, its blind control dashed in the same colour; small dots are repetitions.

    Values that are no numbers stand beside each other without lines. Attacks are shifted a little to be told apart.

    Args:
        report: The numbers.
    """
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    with rc_context(STYLE):
        figure = Figure(figsize=(9.5, 4.4), layout="constrained")
        axes = figure.subplots()
        values = list(dict.fromkeys(line.value for line in report.summary))
        attacks = list(dict.fromkeys(line.attack for line in report.summary))
        for rank, attack in enumerate(attacks):
            _draw(axes, report, attack, values, rank, DODGE * ((rank + 0.5) / len(attacks) - 0.5))
        axes.axhline(0.5, color=MUTED, linewidth=0.9, dashes=(4, 3), zorder=1, label="chance")
        _set_axes(axes, report, values)
        axes.grid(axis="y", color=GRID, linewidth=0.6)
        axes.set_axisbelow(True)
        handles = dict(zip(*reversed(axes.get_legend_handles_labels()), strict=True))
        order = [line_name(attack, kind) for attack in attacks for kind in ("attack", "blind")]
        shown = [handles[label] for label in (*order, "chance")]
        axes.legend(handles=shown, loc="upper left", bbox_to_anchor=(1.01, 1.0), borderaxespad=0, handlelength=2.6)
        counts = f"{report.n_members} members, {report.n_nonmembers} non-members"
        figure.suptitle(f"Measured on {' and '.join(report.splits)}: {counts}", fontweight="bold")
    return figure


def _draw(axes: "Axes", report: AblationReport, attack: str, values: Sequence[Label], rank: int, dodge: float) -> None:
    """An attack, its repetitions and its blind control."""
    from matplotlib.transforms import ScaledTranslation

    figure: Any = axes.figure
    style: dict[str, Any] = {
        "color": LINE_COLOURS[rank % len(LINE_COLOURS)],
        "transform": axes.transData + ScaledTranslation(dodge / 72, 0, figure.dpi_scale_trans),
    }
    joined = "-" if is_numeric(values) else "none"
    marker = LINE_MARKERS[rank % len(LINE_MARKERS)]
    lines = [line for line in report.summary if line.attack == attack]
    own, blind = ([line for line in lines if line.kind == kind] for kind in ("attack", "blind"))
    axes.errorbar(
        [_place(line.value, values) for line in own],
        [line.auc for line in own],
        yerr=_reach(own),
        label=attack,
        linestyle=joined,
        marker=marker,
        markersize=4.5,
        linewidth=1.2,
        elinewidth=0.9,
        capsize=2,
        **style,
    )
    repeated = {line.value for line in own if line.n > 1}
    dots = [row for row in report.rows if (row.attack, row.kind) == (attack, "attack")]
    dots = [row for row in dots if row.point.settings[report.axis] in repeated]
    places = [_place(row.point.settings[report.axis], values) for row in dots]
    axes.plot(places, [row.auc for row in dots], ".", markersize=3, alpha=0.35, label="_repetitions", **style)
    axes.plot(
        [_place(line.value, values) for line in blind],
        [line.auc for line in blind],
        label=line_name(attack, "blind"),
        linestyle="--" if is_numeric(values) else "none",
        marker=marker,
        markerfacecolor="none",
        markersize=4.5,
        linewidth=0.9,
        **style,
    )


def _reach(lines: Sequence[AblationSummary]) -> list[list[float]]:
    return [[line.auc - line.auc_lo for line in lines], [line.auc_hi - line.auc for line in lines]]


def _place(value: Label, values: Sequence[Label]) -> float:
    """Where a value stands on the x axis: a number at itself, a name at its position."""
    return float(value) if is_numeric(values) else float(values.index(value))


def _set_axes(axes: "Axes", report: AblationReport, values: Sequence[Label]) -> None:
    """Ticks at the values, logarithmic where they span much and are above zero, and room for all bars and dots."""
    places = sorted(_place(value, values) for value in values)
    first, last = places[0], places[-1]
    if is_numeric(values) and first > 0 and last / first >= WIDE:
        axes.set_xscale("log")
        axes.minorticks_off()
        beside = (last / first) ** MARGIN
        axes.set_xlim(first / beside, last * beside)
    else:
        margin = (last - first) * MARGIN if is_numeric(values) and last > first else 0.5
        axes.set_xlim(first - margin, last + margin)
    axes.set_xticks(
        [_place(value, values) for value in values],
        labels=[value if isinstance(value, str) else f"{value:g}" for value in values],
    )
    lows, highs = [line.auc_lo for line in report.summary], [line.auc_hi for line in report.summary]
    singles = [row.auc for row in report.rows]
    axes.set_ylim(min(0.45, *lows, *singles) - 0.02, max(0.55, *highs, *singles) + 0.02)
    axes.set_xlabel(short(report.axis))
    axes.set_ylabel("AUC with 95 % interval")
