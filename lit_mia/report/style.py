"""The look of all figures. Matplotlib without pyplot."""

import io
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from html import escape
from typing import TYPE_CHECKING, Any, TypeAlias

from markupsafe import Markup

from lit_mia.row_kinds import ROW_KINDS

if TYPE_CHECKING:
    import matplotlib.axes
    import matplotlib.figure

Axes: TypeAlias = "matplotlib.axes.Axes"
Figure: TypeAlias = "matplotlib.figure.Figure"
"""Matplotlib's classes by name, because it is imported only for drawing."""
INK, MUTED, GRID, SHADE = "#20252b", "#68717c", "#dfe3e8", "#eef1f4"
DPI = 150
# Okabe and Ito's colours, darkened for white paper; seven colours and five markers repeat after 35 lines.
LINE_COLOURS = ("#0a64a8", "#c8551b", "#0b7d61", "#9a4a8c", "#20252b", "#b8860b", "#3aa0d8")
LINE_MARKERS = ("o", "s", "^", "D", "v")
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
WIDE: dict[Any, Any] = {**SETTINGS, "font.size": 9, "axes.labelcolor": INK}
"""For figures that are files of their own."""


@contextmanager
def drawing(
    width: float, height: float, rows: int = 1, columns: int = 1, settings: dict[Any, Any] = SETTINGS
) -> Iterator[tuple[Figure, list[Axes]]]:
    """Give a new figure and its axes, to draw on in this look.

    Args:
        width: In inches.
        height: In inches.
        rows: Axes below each other.
        columns: Axes beside each other.
        settings: The look.
    """
    from matplotlib import rc_context
    from matplotlib.figure import Figure as NewFigure

    with rc_context(settings):
        figure = NewFigure(figsize=(width, height), layout="constrained")
        yield figure, figure.subplots(rows, columns, squeeze=False).flatten().tolist()


def name_rows(axes: Axes, rows: Sequence[tuple[float, str, bool]]) -> None:
    """Write the name of each row at the left, those of attacks in bold.

    Args:
        axes: On which axes.
        rows: Height and name of each row, and whether it is an attack.
    """
    axes.set_yticks([y for y, *_ in rows], labels=[name for _, name, _ in rows])
    for label, (*_, is_attack) in zip(axes.get_yticklabels(), rows, strict=True):
        label.set(color=INK if is_attack else MUTED, weight="bold" if is_attack else "normal")


def draw_grid(axes: Axes, **lines: Any) -> None:
    """Draw grid lines behind everything else.

    Args:
        axes: On which axes.
        lines: Which, as `Axes.grid` calls them; all by default.
    """
    axes.grid(color=GRID, linewidth=0.6, **lines)
    axes.set_axisbelow(True)


def svg(figure: Figure, name: str, title: str) -> Markup:
    """The figure as inline SVG, the same bytes at every call.

    Args:
        figure: The figure.
        name: Prefix of the ids inside; unique on the page.
        title: What a screen reader says instead of the picture.
    """
    from matplotlib import rc_context

    buffer = io.StringIO()
    with rc_context(SETTINGS):
        figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None})
    text = buffer.getvalue()
    text = re.sub(r"<metadata>.*?</metadata>", "", text[text.index("<svg") :], flags=re.DOTALL)
    text = re.sub(r"<style.*?</style>", "", text, flags=re.DOTALL)
    text = re.sub(r'\b(id="|href="#|url\(#)', rf"\g<1>{name}-", text)
    text = re.sub(r'width="[\d.]+pt" height="[\d.]+pt"', f'role="img" aria-label="{escape(title)}"', text, count=1)
    kinds = {kind.colour: kind.variable for kind in reversed(list(ROW_KINDS))}
    for colour, variable in {INK: "ink", MUTED: "muted", GRID: "grid", SHADE: "shade", **kinds}.items():
        text = text.replace(colour, f"var(--{variable}, {colour})")  # by which a page may override it
    return Markup(re.sub(r"'DejaVu Sans'(, [^;\"]*sans-serif)?", "var(--sans, sans-serif)", text))
