"""How areas under ROC curves stand in the tables and figures of sweeps and ablations, with their 95 % intervals."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

from lit_mia.report.columns import Cell
from lit_mia.report.style import LINE_COLOURS, LINE_MARKERS, MUTED, draw_grid
from lit_mia.report.words import interval, number

if TYPE_CHECKING:
    from matplotlib.axes import Axes

BESIDE: dict[str, Any] = {"loc": "upper left", "bbox_to_anchor": (1.01, 1.0), "borderaxespad": 0, "handlelength": 2.6}
"""A legend that stands to the right of the axes."""


class Area(Protocol):
    """Something whose area was measured."""

    @property
    def auc(self) -> float:
        """Area under the ROC curve."""

    @property
    def auc_lo(self) -> float:
        """Lower end of its 95 % interval."""

    @property
    def auc_hi(self) -> float:
        """Upper end of its 95 % interval."""


def area_cell(row: Area) -> Cell:
    """The area and its interval in a table."""
    return Cell(number(row.auc), interval((row.auc_lo, row.auc_hi)))


def line_style(axes: "Axes", rank: int, n: int, dodge: float) -> dict[str, Any]:
    """Colour, marker and place of one of several lines, a little beside the others.

    Args:
        axes: Where it will be drawn.
        rank: Its place among the lines, from 0.
        n: How many lines there are.
        dodge: Points from the first line to the last, so that no error bar hides another.
    """
    from matplotlib.transforms import ScaledTranslation

    figure: Any = axes.figure
    shift = dodge * ((rank + 0.5) / n - 0.5)
    return {
        "color": LINE_COLOURS[rank % len(LINE_COLOURS)],
        "marker": LINE_MARKERS[rank % len(LINE_MARKERS)],
        "transform": axes.transData + ScaledTranslation(shift / 72, 0, figure.dpi_scale_trans),
    }


def draw_areas(axes: "Axes", places: Sequence[float], rows: Sequence[Area], **style: Any) -> None:
    """Draw one line of areas with error bars.

    Args:
        axes: Where.
        places: Where each row stands on the x axis.
        rows: The areas.
        style: Of the line.
    """
    axes.errorbar(
        places,
        [row.auc for row in rows],
        yerr=[[row.auc - row.auc_lo for row in rows], [row.auc_hi - row.auc for row in rows]],
        markersize=4.5,
        linewidth=1.2,
        elinewidth=0.9,
        capsize=2,
        **style,
    )


def frame_areas(axes: "Axes", areas: Sequence[float], x: str) -> None:
    """Draw the line of chance, and leave room for everything that is drawn.

    Args:
        axes: Where.
        areas: All areas and ends of intervals.
        x: What the x axis shows.
    """
    axes.axhline(0.5, color=MUTED, linewidth=0.9, dashes=(4, 3), zorder=1, label="chance")
    room = (min(0.45, *areas) - 0.02, max(0.55, *areas) + 0.02)
    axes.set(xlabel=x, ylabel="AUC with 95 % interval", ylim=room)
    draw_grid(axes, axis="y")
