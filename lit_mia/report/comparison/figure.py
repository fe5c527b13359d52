"""The figure of a comparison: AUCs before and after, and their change, with intervals."""

from collections.abc import Sequence
from itertools import accumulate

from lit_mia.report.comparison.numbers import ComparedRow, Comparison
from lit_mia.report.style import MUTED, Axes, Figure, draw_grid, drawing, name_rows
from lit_mia.row_kinds import ROW_KINDS

_Places = Sequence[tuple[float, ComparedRow]]
_APART = 0.16  # of A above, and of B below, the middle of a line


def comparison_figure(of: Comparison) -> Figure:
    """Left the AUC in A (hollow) and in B (filled) on the records that the change is of, right the change.

    Args:
        of: The comparison; where no change is said, the AUCs of the whole audits are drawn alone.
    """
    places = _places(of.rows)
    changed = any(row.change for row in of.rows)
    height = 0.26 * (places[-1][0] + 1) + 0.8
    with drawing(8.6 if changed else 5.0, height, columns=1 + changed) as (figure, axes):
        _draw_areas(axes[0], places)
        if changed:
            _draw_changes(axes[1], places)
        for each in axes:
            each.set(ylim=(places[-1][0] + 0.7, -0.9))
            each.tick_params(axis="y", length=0)
            each.spines["left"].set_visible(False)
            draw_grid(each, axis="x")
    return figure


def _places(rows: Sequence[ComparedRow]) -> _Places:
    """The height of each row, with a gap above each attack but the first."""
    steps = (1.6 if row.is_attack else 1.0 for row in rows[1:])
    return list(zip(accumulate(steps, initial=0.0), rows, strict=True))


def _draw_areas(axes: Axes, places: _Places) -> None:
    axes.axvline(0.5, color=MUTED, linewidth=0.8, dashes=(2, 2))
    for y, row in places:
        kind, sides = ROW_KINDS[row.kind], (row.change.before, row.change.after) if row.change else (row.a, row.b)
        for side, place, filled in zip(sides, (y - _APART, y + _APART), (False, True), strict=True):
            axes.plot(side.ci or [side.auc] * 2, [place] * 2, color=kind.colour, linewidth=1.2)
            axes.plot(
                [side.auc],
                [place],
                color=kind.colour,
                marker=kind.marker,
                markersize=6 if row.is_attack else 4,
                fillstyle="full" if filled else "none",
            )
    name_rows(axes, [(y, row.name, row.is_attack) for y, row in places])
    axes.set(xlabel="AUC: hollow A, filled B; 0.5 = chance")


def _draw_changes(axes: Axes, places: _Places) -> None:
    axes.axvline(0, color=MUTED, linewidth=0.8, dashes=(2, 2))
    for y, row in places:
        if row.change:
            kind, delta = ROW_KINDS[row.kind], row.change.delta
            width, size = (2.2, 6) if row.is_attack else (1.2, 4)
            axes.plot(row.change.ci or [delta] * 2, [y] * 2, color=kind.colour, linewidth=width, solid_capstyle="round")
            axes.plot([delta], [y], color=kind.colour, marker=kind.marker, markersize=size)
    axes.set_yticks([])
    axes.set(xlabel="Change of the AUC, B − A; 0 = none")
