"""Tables in the terminal, as Markdown and as CSV; on the page they are a macro of the templates."""

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from textwrap import fill
from typing import Any

from rich import box
from rich.cells import cell_len
from rich.padding import Padding
from rich.table import Table as RichTable
from rich.text import Text

from lit_mia.metrics.roc import Roc
from lit_mia.report.columns import Line, Table
from lit_mia.report.formulas import guarded

WIDTH = 80
INDENT = 2
_FOLDED = 18  # where words below a name break; few settings are longer


@dataclass(frozen=True)
class _Layout:
    """How much room a table takes.

    Attributes:
        padding: Spaces on both sides of a column.
        under: Whether columns of words stand under the names.
        below: From this column on, intervals stand below their numbers.
    """

    padding: int
    under: bool
    below: int


def terminal_table(table: Table) -> RichTable:
    """The table for a console of 80 or more columns.

    Only where room is short, words stand under the names and intervals below their numbers.
    """
    layout = _layout(table)
    drawn = RichTable(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, layout.padding))
    drawn.add_column(Text(table.first), vertical="top")
    for heading, left in zip(table.shorts, table.left, strict=True):
        if not (left and layout.under):
            drawn.add_column(Text(heading), justify="left" if left else "right", vertical="top", no_wrap=True)
    for block in table.blocks:
        for line in block:
            indented = Padding(_name(table, line, layout), (0, 0, 0, 0 if line.strong else INDENT))
            drawn.add_row(indented, *_cells(table, line, layout), style="" if line.strong else "dim")
        drawn.add_section()
    return drawn


def markdown_table(table: Table) -> str:
    """The table as GitHub Markdown, its lines ended."""
    marks = [":--", *(":--" if left else "--:" for left in table.left)]
    lines = [
        [line.name and _marked(line), *(escaped(f"{cell.line} {cell.note}".strip()) for cell in line.cells)]
        for block in table.blocks
        for line in block
    ]
    headings = map(escaped, (table.first, *table.headings))
    return "".join(f"| {' | '.join(values)} |\n" for values in (headings, marks, *lines))


def markdown_notes(notes: Iterable[str]) -> str:
    """Sentences as a GitHub Markdown list, its lines ended."""
    return "".join(f"- {_inline(note)}\n" for note in notes)


def escaped(text: str) -> str:
    """Text that stands in one line of Markdown, or in a cell of a table, as it is."""
    return _inline(text).replace("|", "\\|").replace("*", "\\*")


def _inline(text: str) -> str:
    """Text in one line that makes no element of HTML, no link and no image, whatever names are in it."""
    return " ".join(text.splitlines()).replace("<", "&lt;").replace("](", "]\\(")


def write_csv(columns: Mapping[str, Sequence[Any]], path: Path) -> None:
    """Write columns of equal length as CSV; None is an empty cell, and no text is a formula."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(map(guarded, columns))
        writer.writerows(map(guarded, line) for line in zip(*columns.values(), strict=True))


def write_curves(named: Sequence[str], curves: Iterable[tuple[Sequence[str], Roc]], path: Path) -> None:
    """Write exact ROC curves as CSV, one point per line; the threshold of the first point of each curve is `inf`.

    Args:
        named: What the names of a curve say, e.g. `row`.
        curves: The names of each curve, and the curve.
        path: The file.
    """
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow([*named, "fpr", "tpr", "threshold"])
        for names, roc in curves:
            points = zip(roc.fpr.tolist(), roc.tpr.tolist(), roc.thresholds.tolist(), strict=True)
            writer.writerows((*map(guarded, names), *point) for point in points)


# ---------------------------------------------------------------------- terminal


def _layout(table: Table) -> _Layout:
    """The first layout that fits, from the roomiest on; else the narrowest."""
    n = len(table.headings)
    layouts = [_Layout(1, False, n), _Layout(0, False, n), *(_Layout(0, True, below) for below in range(n, -1, -1))]
    return next((layout for layout in layouts if _width(table, layout) <= WIDTH), layouts[-1])


def _width(table: Table, layout: _Layout) -> int:
    """Columns that the table takes at least; names may be broken between words."""
    lines = [line for block in table.blocks for line in block]
    names = [
        _longest([*line.name.split(), *_under(table, line, layout)]) + (0 if line.strong else INDENT) for line in lines
    ]
    headings = [h for h, left in zip(table.shorts, table.left, strict=True) if not (left and layout.under)]
    columns = zip(headings, *(_cells(table, line, layout) for line in lines), strict=True)
    widths = [max([cell_len(table.first), *names]), *(_longest(map(str, column)) for column in columns)]
    return sum(widths) + len(widths) - 1 + 2 * layout.padding * len(widths)


def _longest(texts: Iterable[str]) -> int:
    return max((cell_len(line) for text in texts for line in text.splitlines()), default=0)


def _name(table: Table, line: Line, layout: _Layout) -> Text:
    """The name, and under it the words, where they stand there."""
    under = "".join(f"\n{words}" for words in _under(table, line, layout))
    return Text.assemble((line.name, "bold" if line.strong else ""), (under, "dim"))


def _under(table: Table, line: Line, layout: _Layout) -> list[str]:
    """The words under a name, on lines that are short enough."""
    words = [cell.text for cell, left in zip(line.cells, table.left, strict=True) if left and layout.under]
    return [folded for text in words if text for folded in _folded(text).splitlines()]


def _cells(table: Table, line: Line, layout: _Layout) -> Iterator[Text]:
    for place, (cell, left) in enumerate(zip(line.cells, table.left, strict=True)):
        if not (left and layout.under):
            interval = cell.interval and (" " if place < layout.below else "\n") + cell.interval
            note = cell.note and f"\n{cell.note}"
            yield Text.assemble((cell.text, "bold green" if cell.good else ""), interval, (note, "dim"))


def _folded(words: str) -> str:
    """`t = 200, k = 100, n = 10` on narrow lines, none of them broken around an equals sign."""
    return fill(words.replace(" = ", "\u00a0=\u00a0"), _FOLDED).replace("\u00a0", " ")


# ---------------------------------------------------------------------- Markdown


def _marked(line: Line) -> str:
    return f"**{escaped(line.name)}**" if line.strong else f"\u2003{escaped(line.name)}"
