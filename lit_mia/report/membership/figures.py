"""The figures of the page: log–log ROC curves, and intervals of the AUC. Matplotlib without pyplot."""

from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import Any

from lit_mia.metrics.roc import Roc
from lit_mia.report.membership.notes import blocks, fpr_floor
from lit_mia.report.membership.schema import AuditReport, Row
from lit_mia.report.style import INK, MUTED, SHADE, Axes, Figure, draw_grid, drawing, name_rows
from lit_mia.report.words import percent
from lit_mia.row_kinds import ROW_KINDS

# Six colours and five line styles, both taken anew for each attack: the first 30 pairs differ.
_FAMILY_COLOURS = (*(ROW_KINDS[kind].colour for kind in ("attack", "placebo", "caption", "round trip", "blind")), INK)
_FAMILY_LINES = [ROW_KINDS[kind].dash for kind in ("attack", "blind", "placebo", "caption", "round trip")]
_COLUMNS = 3
_LEGEND: dict[str, Any] = {"title": "AUC", "alignment": "left", "handlelength": 2.4, "ncols": 2, "fontsize": 7.5}
_BELOW: dict[str, Any] = {**_LEGEND, "loc": "upper left", "bbox_to_anchor": (-0.02, -0.2), "borderaxespad": 0}


def roc_figure(report: AuditReport, rocs: Mapping[str, Roc], attacks: Sequence[str]) -> Figure:
    """Log–log ROC curves, one axes per attack with its controls, up to three side by side, legends below.

    Curves are drawn as steps, so that a height is the TPR at the largest FPR not above the place
    (Carlini et al. 2022, https://arxiv.org/abs/2112.03570). The shade covers rates below 10 / n0.

    Args:
        report: The numbers.
        rocs: Exact curve by name of row.
        attacks: Names of the attacks to draw.
    """
    columns = min(_COLUMNS, len(attacks))
    lines = -(-len(attacks) // columns)
    by_attack = {block[0].attack: block for block in blocks(report)}
    height = 3.5 + 0.09 * max(len(by_attack[attack]) for attack in attacks)  # two entries a line of the legend
    with drawing(3.5 * columns, height * lines, lines, columns) as (figure, grid):
        for axes, attack in zip(grid, attacks, strict=False):
            _roc_axes(axes, by_attack[attack], rocs, fpr_floor(report))
        for axes in grid[len(attacks) :]:
            axes.set_visible(False)
    return figure


def family_roc_figure(report: AuditReport, rocs: Mapping[str, Roc]) -> Figure:
    """Log–log ROC curves of all attacks on one axes, without controls; the legend below begins with the largest AUC.

    Args:
        report: The numbers.
        rocs: Exact curve by name of row.
    """
    attacks = [row for row in report.rows if row.kind == "attack"]
    with drawing(5.0, 4.6 + 0.08 * len(attacks)) as (figure, (axes,)):
        low = _roc_frame(axes, attacks, fpr_floor(report))
        for number, row in enumerate(attacks):
            axes.plot(
                rocs[row.name].fpr.clip(low),
                rocs[row.name].tpr.clip(low),
                drawstyle="steps-post",
                linewidth=1.6,
                color=_FAMILY_COLOURS[number % len(_FAMILY_COLOURS)],
                linestyle=_FAMILY_LINES[number % len(_FAMILY_LINES)],
            )
        ranked = sorted(zip(attacks, axes.lines[-len(attacks) :], strict=True), key=lambda pair: -pair[0]["auc"])
        labels = [f"{row.name}\u2002{row['auc']:.3f}" for row, _ in ranked]
        figure.legend([line for _, line in ranked], labels, loc="outside lower left", **_LEGEND)
    return figure


def forest_figure(report: AuditReport) -> Figure:
    """AUC with its 95 % interval, one line per attack and control."""
    rows = len(report.rows) + 0.6 * len(blocks(report))
    with drawing(5.0, 0.2 * rows + 0.6) as (figure, (axes,)):
        _forest_axes(axes, blocks(report))
    return figure


def _roc_axes(axes: Axes, rows: Sequence[Row], rocs: Mapping[str, Roc], floor: float) -> None:
    low = _roc_frame(axes, rows, floor)
    for row in reversed(rows):
        attack, kind = row.kind == "attack", ROW_KINDS[row.kind]
        axes.plot(
            rocs[row.name].fpr.clip(low),
            rocs[row.name].tpr.clip(low),
            drawstyle="steps-post",
            label=f"{row.kind}\u2002{row['auc']:.3f}",  # the title has the attack's name, which may be long
            color=kind.colour,
            linestyle=kind.dash,
            linewidth=1.9 if attack else 1.2,
        )
    handles, labels = axes.get_legend_handles_labels()
    axes.legend(handles[::-1], labels[::-1], **_BELOW)
    axes.set_title(rows[0].attack, loc="left", fontweight="bold", color=INK)


def _roc_frame(axes: Axes, rows: Sequence[Row], floor: float) -> float:
    """Axes, ticks, shade and diagonal of ROC curves; answers the rate where the axes begin."""
    from matplotlib.ticker import NullLocator

    low = 0.5 / max(int(row["n_nonmembers"]) for row in rows)
    axes.axvspan(low, floor, color=SHADE, linewidth=0)
    axes.plot([low, 1], [low, 1], color=MUTED, linewidth=0.7, dashes=(1, 2))
    axes.set(
        xscale="log",
        yscale="log",
        xlim=(low, 1.05),
        ylim=(low, 1.15),
        xlabel="False positive rate",
        ylabel="True positive rate",
    )
    ticks = [tick for tick in (1e-4, 1e-3, 1e-2, 1e-1, 1.0) if tick >= low]
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_ticks(ticks, labels=[percent(tick) for tick in ticks])
        axis.set_minor_locator(NullLocator())  # its ticks are not shown, and take half of the time
        axis.set_tick_params(which="major", length=3, width=0.6)
    draw_grid(axes, which="major")
    return low


def _forest_axes(axes: Axes, groups: Sequence[Sequence[Row]]) -> None:
    lines = [line for group in groups for line in (*group, None)]  # None: a gap below each group
    *heights, end = accumulate((0.6 if line is None else 1.0 for line in lines), initial=0.0)
    places = [(y, row) for y, row in zip(heights, lines, strict=True) if row is not None]
    for y, row in places:
        attack, kind = row.kind == "attack", ROW_KINDS[row.kind]
        ci = row["auc_ci"] or [row["auc"]] * 2
        axes.plot(ci, [y, y], color=kind.colour, linewidth=2.2 if attack else 1.2, solid_capstyle="round")
        axes.plot([row["auc"]], [y], color=kind.colour, marker=kind.marker, markersize=6 if attack else 4)
    axes.axvline(0.5, color=MUTED, linewidth=0.8, dashes=(2, 2))
    name_rows(axes, [(y, row.name, row.kind == "attack") for y, row in places])
    ends = [bound for _, row in places for bound in (row["auc_ci"] or [row["auc"]])]
    axes.set(xlim=(min(0.4, *ends) - 0.02, max(0.7, *ends) + 0.02), ylim=(end - 0.6, -1), xlabel="AUC, 0.5 = chance")
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    draw_grid(axes, axis="x")
