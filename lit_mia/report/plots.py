"""The figures of the page: log–log ROC curves, and intervals of the AUC. Matplotlib without pyplot."""

import io
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from lit_mia.metrics.roc import Roc
from lit_mia.report.cells import blocks, fpr_floor, percent
from lit_mia.report.schema import AuditReport, Row, RowKind

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

# Colours after Okabe and Ito, darkened for white paper; a page may override each through a CSS variable.
INK, MUTED, GRID, SHADE = "#20252b", "#68717c", "#dfe3e8", "#eef1f4"
COLOURS: dict[RowKind, str] = {
    "attack": "#0a64a8",
    "blind": "#c8551b",
    "caption": "#0b7d61",
    "placebo": "#9a4a8c",
    "round trip": "#8f6c00",
}
_KINDS = {colour: kind.replace(" ", "-") for kind, colour in COLOURS.items()}
_VARIABLES = {INK: "ink", MUTED: "muted", GRID: "grid", SHADE: "shade", **_KINDS}
_LINES: dict[RowKind, Any] = {
    "attack": "-",
    "blind": (0, (5, 2)),
    "caption": (0, (1, 1.4)),
    "placebo": (0, (5, 2, 1, 2)),
    "round trip": (0, (5, 2, 1, 2, 1, 2)),
}
_MARKERS: dict[RowKind, str] = {"attack": "o", "blind": "s", "caption": "^", "placebo": "D", "round trip": "P"}
# Six colours and five line styles, both taken anew for each attack: the first 30 pairs differ.
_FAMILY_COLOURS = (*(COLOURS[kind] for kind in ("attack", "placebo", "caption", "round trip", "blind")), INK)
_FAMILY_LINES = [_LINES[kind] for kind in ("attack", "blind", "placebo", "caption", "round trip")]
_COLUMNS = 3
_LEGEND: dict[str, Any] = {"loc": "lower right", "title": "AUC", "alignment": "left", "handlelength": 2.4}
SETTINGS: dict[Any, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "lit-mia",
    "font.size": 8.5,
    "text.color": INK,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": MUTED,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "legend.frameon": False,
}


def roc_figure(report: AuditReport, rocs: Mapping[str, Roc], attacks: Sequence[str]) -> "Figure":
    """Log–log ROC curves, one axes per attack with its controls, up to three side by side.

    Curves are drawn as steps, so that a height is the TPR at the largest FPR not above the place
    (Carlini et al. 2022, https://arxiv.org/abs/2112.03570). The shade covers rates below 10 / n0.

    Args:
        report: The numbers.
        rocs: Exact curve by name of row.
        attacks: Names of the attacks to draw.
    """
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    columns = min(_COLUMNS, len(attacks))
    lines = -(-len(attacks) // columns)
    by_attack = {block[0].attack: block for block in blocks(report)}
    with rc_context(SETTINGS):
        figure = Figure(figsize=(3.5 * columns, 3.3 * lines), layout="constrained")
        grid = figure.subplots(lines, columns, squeeze=False).flatten()
        for axes, attack in zip(grid, attacks, strict=False):
            _roc_axes(axes, by_attack[attack], rocs, fpr_floor(report))
        for axes in grid[len(attacks) :]:
            axes.set_visible(False)
    return figure


def family_roc_figure(report: AuditReport, rocs: Mapping[str, Roc]) -> "Figure":
    """Log–log ROC curves of all attacks on one axes, without controls; the legend below begins with the largest AUC.

    Args:
        report: The numbers.
        rocs: Exact curve by name of row.
    """
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    attacks = [row for row in report.rows if row.kind == "attack"]
    with rc_context(SETTINGS):
        figure = Figure(figsize=(5.0, 4.6 + 0.08 * len(attacks)), layout="constrained")
        axes = figure.subplots()
        low = _roc_frame(axes, attacks, fpr_floor(report))
        lines = [_family_line(axes, number, rocs[row.name], low) for number, row in enumerate(attacks)]
        ranked = sorted(zip(attacks, lines, strict=True), key=lambda pair: -pair[0].auc)
        labels = [f"{row.name}\u2002{row.auc:.3f}" for row, _ in ranked]
        below = {**_LEGEND, "loc": "outside lower left", "ncols": 2, "fontsize": 7.5}
        figure.legend([line for _, line in ranked], labels, **below)
    return figure


def single_roc_figure(curve: Roc) -> "Figure":
    """One head's ROC curve on log–log axes."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    with rc_context(SETTINGS):
        figure = Figure(figsize=(3.5, 3.3), layout="constrained")
        axes = figure.subplots()
        low = min(float(curve.fpr[curve.fpr > 0].min()), float(curve.tpr[curve.tpr > 0].min()))
        axes.step(curve.fpr.clip(low), curve.tpr.clip(low), where="post")
        axes.plot([low, 1], [low, 1], color=MUTED, linewidth=0.8)
        axes.set(xscale="log", yscale="log", xlabel="false positive rate", ylabel="true positive rate")
    return figure


def forest_figure(report: AuditReport) -> "Figure":
    """AUC with its 95 % interval, one line per attack and control."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    with rc_context(SETTINGS):
        rows = len(report.rows) + 0.6 * len(blocks(report))
        figure = Figure(figsize=(5.0, 0.2 * rows + 0.6), layout="constrained")
        _forest_axes(figure.subplots(), blocks(report))
    return figure


def svg(figure: "Figure", name: str, title: str) -> str:
    """The figure as inline SVG, the same bytes at every call.

    Args:
        figure: The figure.
        name: Prefix of the ids inside; unique on the page.
        title: What a screen reader says instead of the picture.
    """
    from html import escape

    from matplotlib import rc_context

    buffer = io.StringIO()
    with rc_context(SETTINGS):
        figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None})
    text = buffer.getvalue()
    text = re.sub(r"<metadata>.*?</metadata>", "", text[text.index("<svg") :], flags=re.DOTALL)
    text = re.sub(r"<style.*?</style>", "", text, flags=re.DOTALL)
    text = re.sub(r'\b(id="|href="#|url\(#)', rf"\g<1>{name}-", text)
    text = re.sub(r'width="[\d.]+pt" height="[\d.]+pt"', f'role="img" aria-label="{escape(title)}"', text, count=1)
    for colour, variable in _VARIABLES.items():
        text = text.replace(colour, f"var(--{variable}, {colour})")
    return re.sub(r"'DejaVu Sans'(, [^;\"]*sans-serif)?", "var(--sans, sans-serif)", text)


def _roc_axes(axes: "Axes", rows: Sequence[Row], rocs: Mapping[str, Roc], floor: float) -> None:
    low = _roc_frame(axes, rows, floor)
    for row in reversed(rows):
        roc, attack = rocs[row.name], row.kind == "attack"
        label = f"{row.name if attack else row.kind}\u2002{row.auc:.3f}"
        style = {"color": COLOURS[row.kind], "linestyle": _LINES[row.kind], "linewidth": 1.9 if attack else 1.2}
        axes.plot(roc.fpr.clip(low), roc.tpr.clip(low), drawstyle="steps-post", label=label, **style)
    handles, labels = axes.get_legend_handles_labels()
    axes.legend(handles[::-1], labels[::-1], **_LEGEND)
    axes.set_title(rows[0].attack, loc="left", fontweight="bold", color=INK)


def _roc_frame(axes: "Axes", rows: Sequence[Row], floor: float) -> float:
    """Axes, shade and diagonal of ROC curves; answers the rate where the axes begin."""
    low = 0.5 / max(row.n_nonmembers for row in rows)
    axes.axvspan(low, floor, color=SHADE, linewidth=0)
    axes.plot([low, 1], [low, 1], color=MUTED, linewidth=0.7, dashes=(1, 2))
    axes.set(xscale="log", yscale="log", xlim=(low, 1.05), ylim=(low, 1.15), xlabel="False positive rate")
    axes.set_ylabel("True positive rate")
    _percent_ticks(axes, low)
    return low


def _family_line(axes: "Axes", number: int, roc: Roc, low: float) -> "Line2D":
    style = {
        "color": _FAMILY_COLOURS[number % len(_FAMILY_COLOURS)],
        "linestyle": _FAMILY_LINES[number % len(_FAMILY_LINES)],
    }
    (line,) = axes.plot(roc.fpr.clip(low), roc.tpr.clip(low), drawstyle="steps-post", linewidth=1.6, **style)
    return line


def _percent_ticks(axes: "Axes", low: float) -> None:
    ticks = [tick for tick in (1e-4, 1e-3, 1e-2, 1e-1, 1.0) if tick >= low]
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_ticks(ticks, labels=[percent(tick) for tick in ticks])
        axis.set_tick_params(which="minor", length=0)
        axis.set_tick_params(which="major", length=3, width=0.6)
    axes.grid(which="major", color=GRID, linewidth=0.6)
    axes.set_axisbelow(True)


def _forest_axes(axes: "Axes", groups: Sequence[Sequence[Row]]) -> None:
    height, places = 0.0, []
    for group in groups:
        for row in group:
            places.append((height, row))
            height += 1
        height += 0.6
    for y, row in places:
        attack, colour = row.kind == "attack", COLOURS[row.kind]
        axes.plot(row.auc_ci, [y, y], color=colour, linewidth=2.2 if attack else 1.2, solid_capstyle="round")
        axes.plot([row.auc], [y], color=colour, marker=_MARKERS[row.kind], markersize=6 if attack else 4)
    axes.axvline(0.5, color=MUTED, linewidth=0.8, dashes=(2, 2))
    axes.set_yticks([y for y, _ in places], labels=[row.name for _, row in places])
    for label, (_, row) in zip(axes.get_yticklabels(), places, strict=True):
        label.set(color=INK if row.kind == "attack" else MUTED, weight="bold" if row.kind == "attack" else "normal")
    ends = [end for _, row in places for end in row.auc_ci]
    axes.set(xlim=(min(0.4, *ends) - 0.02, max(0.7, *ends) + 0.02), ylim=(height - 0.6, -1), xlabel="AUC, 0.5 = chance")
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.grid(axis="x", color=GRID, linewidth=0.6)
    axes.set_axisbelow(True)
