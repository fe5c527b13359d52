"""The figure of an ablation: AUC against the axis. Matplotlib without pyplot."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from lit_mia.report.ablation.rows import AblationRow, AblationSummary, Label, is_numeric, line_name, short
from lit_mia.report.style import GRID, LINE_COLOURS, LINE_MARKERS, MUTED, WIDE
from lit_mia.row_kinds import ROW_KINDS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

DODGE = 24.0  # points from the first attack to the last at one value, so that no error bar hides another
MARGIN = 0.08  # share of the x axis beside the outermost values
LOGARITHMIC = 8.0  # ratio of the outermost values from which the axis is logarithmic

Places = Mapping[Label, float]
"""Where each value stands on the x axis: a number at itself, a name at its position."""


def ablation_figure(rows: Sequence[AblationRow], summary: Sequence[AblationSummary], axis: str, title: str) -> "Figure":
    """One line per attack with 95 % intervals, its blind control dashed in the same colour; small dots are repetitions.

    Values that are no numbers stand beside each other without lines. Attacks are shifted a little to be told apart.

    Args:
        rows: Every head at every point.
        summary: Every head at every value of the axis.
        axis: The key on the x axis.
        title: What stands above.
    """
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    values = list(dict.fromkeys(line.value for line in summary))
    places = {value: float(value) if is_numeric(values) else float(i) for i, value in enumerate(values)}
    attacks = list(dict.fromkeys(line.attack for line in summary))
    with rc_context(WIDE):
        figure = Figure(figsize=(9.5, 4.4), layout="constrained")
        axes = figure.subplots()
        for rank, attack in enumerate(attacks):
            style = _style(axes, rank, len(attacks))
            own, blind = ([s for s in summary if s.name == line_name(attack, kind)] for kind in ("attack", "blind"))
            _draw_attack(axes, own, places, style)
            _draw_repetitions(axes, _repetitions(rows, own, axis), places, style)
            _draw_blind(axes, blind, places, style)
        axes.axhline(0.5, color=MUTED, linewidth=0.9, dashes=(4, 3), zorder=1, label="chance")
        _set_x(axes, places)
        _set_y(axes, [*(end for s in summary for end in (s.auc_lo, s.auc_hi)), *(row.auc for row in rows)])
        axes.set_xlabel(short(axis))
        axes.grid(axis="y", color=GRID, linewidth=0.6)
        axes.set_axisbelow(True)
        _set_legend(axes, [line_name(attack, kind) for attack in attacks for kind in ("attack", "blind")])
        figure.suptitle(title, fontweight="bold")
    return figure


def _style(axes: "Axes", rank: int, n: int) -> dict[str, Any]:
    """What lines and dots of one attack have in common."""
    from matplotlib.transforms import ScaledTranslation

    figure: Any = axes.figure
    dodge = DODGE * ((rank + 0.5) / n - 0.5)
    return {
        "color": LINE_COLOURS[rank % len(LINE_COLOURS)],
        "marker": LINE_MARKERS[rank % len(LINE_MARKERS)],
        "transform": axes.transData + ScaledTranslation(dodge / 72, 0, figure.dpi_scale_trans),
    }


def _draw_attack(axes: "Axes", lines: Sequence[AblationSummary], places: Places, style: Mapping[str, Any]) -> None:
    axes.errorbar(
        [places[line.value] for line in lines],
        [line.auc for line in lines],
        yerr=[[line.auc - line.auc_lo for line in lines], [line.auc_hi - line.auc for line in lines]],
        label=lines[0].name,
        linestyle="-" if is_numeric(list(places)) else "none",
        markersize=4.5,
        linewidth=1.2,
        elinewidth=0.9,
        capsize=2,
        **style,
    )


def _repetitions(rows: Sequence[AblationRow], lines: Sequence[AblationSummary], axis: str) -> list[tuple[Label, float]]:
    """Value and AUC of each single point, where there are several at one value."""
    repeated = {(line.name, line.value) for line in lines if line.n > 1}
    found = [(row.name, row.point.settings[axis], row.auc) for row in rows]
    return [(value, auc) for name, value, auc in found if (name, value) in repeated]


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
    if numeric and first > 0 and last / first >= LOGARITHMIC:
        axes.set_xscale("log")
        axes.minorticks_off()
        beside = (last / first) ** MARGIN
        axes.set_xlim(first / beside, last * beside)
    else:
        margin = (last - first) * MARGIN if numeric and last > first else 0.5
        axes.set_xlim(first - margin, last + margin)
    labels = [value if isinstance(value, str) else f"{value:g}" for value in places]
    axes.set_xticks(list(places.values()), labels=labels)


def _set_y(axes: "Axes", areas: Sequence[float]) -> None:
    """Room for all bars and dots."""
    axes.set_ylim(min(0.45, *areas) - 0.02, max(0.55, *areas) + 0.02)
    axes.set_ylabel("AUC with 95 % interval")


def _set_legend(axes: "Axes", names: Sequence[str]) -> None:
    handles = dict(zip(*reversed(axes.get_legend_handles_labels()), strict=True))
    shown = [handles[name] for name in (*names, "chance")]
    axes.legend(handles=shown, loc="upper left", bbox_to_anchor=(1.01, 1.0), borderaxespad=0, handlelength=2.6)
