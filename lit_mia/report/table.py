"""The headline table in the terminal and as Markdown."""

from rich import box
from rich.console import Group
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from lit_mia.report.cells import Cells, blocks, cells, footnotes, fpr_levels, percent, statement
from lit_mia.report.schema import AuditReport

_TONES = {
    "leakage": "bold red",
    "not evidence": "bold magenta",
    "confounded": "bold yellow",
    "not detected": "bold blue",
}
_TERMINAL_LEVELS = 2  # more do not fit into 80 columns; the page shows all


def terminal_table(report: AuditReport) -> Group:
    """The table of attacks with their controls, its footnotes and the verdict, for a console of 80 or more columns."""
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, padding=0)
    levels = fpr_levels(report)[:_TERMINAL_LEVELS]
    rates = [f"TPR@\n{percent(fpr)}" for fpr in levels]
    for title in ("Attack", "AUC [95 % CI]", "Acc.", *rates, "ΔAUC [95 % CI]", "Beats"):
        table.add_column(title, justify="left" if title == "Attack" else "right", vertical="top", no_wrap=True)
    for block in blocks(report):
        for row in block:
            table.add_row(*_terminal_cells(cells(row)), style="" if row.kind == "attack" else "dim")
        table.add_section()
    notes = Text("\n".join(footnotes(report, levels)), style="dim")
    return Group(Text(), table, Text(), notes, Text(), _verdict(report))


def markdown_table(report: AuditReport) -> str:
    """The table as GitHub Markdown, followed by its footnotes."""
    levels = fpr_levels(report)
    rates = [f"TPR@{percent(fpr)} FPR" for fpr in levels]
    titles = ["Attack", "AUC [95 % CI]", "Accuracy", *rates, "ΔAUC [95 % CI]", "Beats controls"]
    lines = [_line(titles), _line([":--", *["--:"] * (len(titles) - 1)])]
    for block in blocks(report):
        lines += [_line([_escape(cell) for cell in _markdown_cells(cells(row))]) for row in block]
    return "\n".join([*lines, "", *(f"- {_escape(note)}" for note in footnotes(report, levels))]) + "\n"


def _terminal_cells(row: Cells) -> list[Text]:
    name = Text(row.name, style="bold") if row.kind == "attack" else Text(f"  {row.short}")
    delta = Text(f"{row.delta} {row.delta_ci}\nvs {row.versus}" if row.delta else "")
    rates = map(Text, row.tpr[:_TERMINAL_LEVELS])
    mark = Text(row.beats, style="bold green" if row.beats == "✓" else "")
    return [name, Text(f"{row.auc} {row.auc_ci}"), Text(row.accuracy), *rates, delta, mark]


def _markdown_cells(row: Cells) -> list[str]:
    name = f"**{row.name}**" if row.kind == "attack" else f"\u2003{row.name}"
    delta = f"{row.delta} {row.delta_ci} vs {row.versus}" if row.delta else ""
    return [name, f"{row.auc} {row.auc_ci}", row.accuracy, *row.tpr, delta, row.beats]


def _verdict(report: AuditReport) -> Panel:
    kind = report.verdict["kind"]
    tone = next((style for start, style in _TONES.items() if kind.startswith(start)), "bold")
    return Panel(Text(statement(report)), title=Text(kind, style=tone), title_align="left", padding=(0, 1))


def _line(values: list[str]) -> str:
    return f"| {' | '.join(values)} |"


def _escape(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ").replace("<", "&lt;")
