"""The figure of a sweep: AUC against each swept argument. Matplotlib without pyplot."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from lit_mia.attacks.statistics.base import Setting, describe
from lit_mia.report.style import GRID, LINE_COLOURS, LINE_MARKERS, MUTED, WIDE
from lit_mia.report.sweep.rows import SweepRow

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WORDS = {
    "t": "timestep t",
    "k": "timesteps per step, k",
    "n": "number of averaged variations, n",
    "alpha": "weight of the caption term, α",
}
"""What the arguments are in plain words; any other is called by its name."""

_DODGE = 14.0  # points from the first line to the last at one value, so that no error bar hides another
_MARGIN = 0.06  # share of the x axis beside the outermost values


def sweep_figure(rows: Sequence[SweepRow], title: str) -> "Figure":
    """One axes per argument that some attack has several values of, with one line per attack and other values.

    Error bars are 95 % intervals. Lines stand a little beside each other; ticks are the exact values.

    Args:
        rows: The numbers.
        title: What stands above.
    """
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    names = swept_names(rows)
    with rc_context(WIDE):
        figure = Figure(figsize=(9.5, 3.8 * len(names) + 0.4), layout="constrained")
        for axes, name in zip(figure.subplots(len(names), squeeze=False).flatten(), names, strict=True):
            _draw(axes, name, [row for row in rows if name in row.setting])
        figure.suptitle(title, fontweight="bold")
    return figure


def swept_names(rows: Sequence[SweepRow]) -> list[str]:
    """Arguments that an attack has several values of, in the order of their appearance."""
    values: dict[tuple[str, str], set[float]] = {}
    for row in rows:
        for name, value in row.setting.items():
            values.setdefault((name, row.attack), set()).add(value)
    return list(dict.fromkeys(name for (name, _), of_attack in values.items() if len(of_attack) > 1))


def _draw(axes: "Axes", name: str, rows: Sequence[SweepRow]) -> None:
    lines = list(_lines(name, rows))
    for rank, (label, line) in enumerate(lines):
        _error_bars(axes, name, line, {"label": label, **_style(axes, rank, len(lines))})
    axes.axhline(0.5, color=MUTED, linewidth=0.9, dashes=(4, 3), zorder=1, label="chance")
    values = sorted({row.setting[name] for row in rows})
    axes.set_xticks(values, labels=[f"{value:g}" for value in values])
    margin = _MARGIN * (values[-1] - values[0])
    axes.set_xlim(values[0] - margin, values[-1] + margin)
    axes.set_ylim(min(0.45, *(row.auc_lo for row in rows)) - 0.02, max(0.55, *(row.auc_hi for row in rows)) + 0.02)
    words = WORDS.get(name, name)
    axes.set_xlabel(words[0].upper() + words[1:])
    axes.set_ylabel("AUC with 95 % interval")
    axes.set_title(f"AUC by {words}", loc="left")
    axes.grid(axis="y", color=GRID, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.legend(loc="upper left", bbox_to_anchor=(1.01, 1.0), borderaxespad=0, handlelength=2.6)


def _lines(name: str, rows: Sequence[SweepRow]) -> Iterator[tuple[str, list[SweepRow]]]:
    """Label and rows of each line, ascending in the argument `name`."""
    lines: dict[str, list[SweepRow]] = {}
    for row in rows:
        others: Setting = {other: value for other, value in row.setting.items() if other != name}
        label = f"{row.attack}, {describe(others)}" if others else row.attack
        lines.setdefault(label, []).append(row)
    for label, line in lines.items():
        yield label, sorted(line, key=lambda row: row.setting[name])


def _style(axes: "Axes", rank: int, n: int) -> dict[str, Any]:
    """Colour, marker and place beside the others of one of n lines."""
    from matplotlib.transforms import ScaledTranslation

    figure: Any = axes.figure
    dodge = _DODGE * ((rank + 0.5) / n - 0.5)
    return {
        "color": LINE_COLOURS[rank % len(LINE_COLOURS)],
        "marker": LINE_MARKERS[rank % len(LINE_MARKERS)],
        "transform": axes.transData + ScaledTranslation(dodge / 72, 0, figure.dpi_scale_trans),
    }


def _error_bars(axes: "Axes", name: str, rows: Sequence[SweepRow], style: dict[str, Any]) -> None:
    axes.errorbar(
        [row.setting[name] for row in rows],
        [row.auc for row in rows],
        yerr=[[row.auc - row.auc_lo for row in rows], [row.auc_hi - row.auc for row in rows]],
        markersize=4.5,
        linewidth=1.2,
        elinewidth=0.9,
        capsize=2,
        **style,
    )
