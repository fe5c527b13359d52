"""A comparison as files, as a page and in the terminal."""

import json
from collections.abc import Mapping
from itertools import islice
from pathlib import Path
from typing import Any

from rich.console import Group
from rich.panel import Panel
from rich.text import Text

from lit_mia.files import replacing, write_whole
from lit_mia.report.comparison.figure import comparison_figure
from lit_mia.report.comparison.numbers import SCHEMA, Comparison
from lit_mia.report.comparison.table import comparison_table
from lit_mia.report.comparison.words import basis_note, findings, power_note, reading, verdicts, warnings
from lit_mia.report.page import Section, render_page
from lit_mia.report.style import DPI, svg
from lit_mia.report.tables import terminal_table

NUMBERS, PAGE, FIGURE = "compare.json", "compare.html", "compare.png"
_READ = 2  # of the sentences on how to read the numbers, those that concern the terminal's table
_NAMED = 8  # as many differing things are named in the terminal


def save(of: Comparison, folder: Path) -> Path:
    """Write numbers, figure and page, each whole or not at all.

    Args:
        of: The comparison.
        folder: Made if it is missing.

    Returns:
        Path of the page.
    """
    text = json.dumps(of.to_dict(), indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    write_whole(folder / NUMBERS, text)
    with replacing(folder / FIGURE) as path:
        comparison_figure(of).savefig(path, format="png", dpi=DPI)
    write_whole(folder / PAGE, page(of))
    return folder / PAGE


def page(of: Comparison) -> str:
    """The page as one HTML document that asks for nothing outside itself."""
    return render_page(of, f"{of.a.name} and {of.b.name} · comparison of two audits", "other", _SECTIONS)


def terminal(of: Comparison) -> Group:
    """Both audits, the table of attacks, the findings and how to read them, for a console of 80 or more columns."""
    names = [each.name for each in of.differing]
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    differs = f"What differs: {', '.join(names[:_NAMED]) or 'nothing but numbers'}{more}."
    sides = [
        Text(f"{called}: {side.folder} ({side.verdict['kind']}; AUC needed {power_note(side)})")
        for called, side in (("A", of.a), ("B", of.b))
    ]
    return Group(
        Text(),
        *sides,
        Text(),
        terminal_table(comparison_table(of, "terminal")),
        Text(),
        Text("\n".join([*islice(reading(of), _READ), differs]), style="dim"),
        Text(),
        Panel(
            Text("\n\n".join(filter(None, [basis_note(of), "\n".join(findings(of)), *warnings(of)]))),
            title=verdicts(of),
            title_align="left",
            padding=(0, 1),
        ),
    )


def _heading(of: Comparison) -> Mapping[str, Any]:
    sides = [("A", of.a, power_note(of.a)), ("B", of.b, power_note(of.b))]
    return {
        "verdicts": verdicts(of),
        "basis": basis_note(of),
        "findings": findings(of),
        "warnings": list(warnings(of)),
        "sides": sides,
    }


def _table(of: Comparison) -> Mapping[str, Any]:
    return {"table": comparison_table(of, "page"), "notes": list(reading(of))}


def _figure(of: Comparison) -> Mapping[str, Any]:
    return {"figure": svg(comparison_figure(of), "compare", "AUC in both audits, and its change, with 95 % intervals")}


_SECTIONS: tuple[Section[Comparison], ...] = (
    Section("comparison/heading.html.jinja", _heading),
    Section("comparison/table.html.jinja", _table),
    Section("comparison/figure.html.jinja", _figure),
    Section("comparison/differing.html.jinja", lambda _: {"schema": SCHEMA}),
)
