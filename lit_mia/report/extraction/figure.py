"""The figure of an extraction audit: how close what was drawn comes to training and to held-out images."""

from collections.abc import Sequence

import numpy as np

from lit_mia.records import MEMBER, NON_MEMBER
from lit_mia.report.extraction.schema import CopyRow, RecordLine
from lit_mia.report.style import MUTED, Axes, Figure, draw_grid, drawing
from lit_mia.row_kinds import ROW_KINDS

_LABELS = {MEMBER: "training images", NON_MEMBER: "held out"}


def closeness_figure(lines: Sequence[RecordLine], rows: Sequence[CopyRow]) -> Figure:
    """For each measure the share of images at least as close, by distance or similarity, of each half and model."""
    measures = list(dict.fromkeys(line.measure for line in lines))
    with drawing(4.1 * len(measures), 3.6, columns=len(measures)) as (figure, grid):
        for axes, measure in zip(grid, measures, strict=True):
            of_measure = [row for row in rows if row.measure.startswith(f"{measure} ")]
            by_distance = all("≤" in row.measure for row in of_measure)
            _draw(axes, measure, [line for line in lines if line.measure == measure], by_distance)
            for threshold in dict.fromkeys(row.threshold for row in of_measure):
                axes.axvline(threshold, color=MUTED, linewidth=0.8, dashes=(2, 2))
        handles, labels = grid[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower left", ncols=2, handlelength=2.6)
    return figure


def _draw(axes: Axes, measure: str, lines: Sequence[RecordLine], by_distance: bool) -> None:
    for row in dict.fromkeys(line.row for line in lines):
        for member, label in _LABELS.items():
            values = np.sort([line.value for line in lines if line.row == row and line.member == member])
            if not len(values):
                continue
            share = np.arange(1, len(values) + 1) / len(values)
            axes.plot(
                values if by_distance else values[::-1],
                share,
                drawstyle="steps-post",
                label=f"{row}, {label}",
                color=ROW_KINDS[row].colour,
                linestyle="-" if member == MEMBER else (0, (4, 2)),
                linewidth=1.7 if row == "target" else 1.1,
            )
    axes.set(xlabel=measure, ylabel="share at least as close", ylim=(-0.02, 1.02))
    axes.set_title(measure, loc="left")
    draw_grid(axes)
