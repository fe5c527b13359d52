"""The headline table in the terminal and as Markdown."""

from textwrap import fill

from rich import box
from rich.console import Group
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from lit_mia.report.cells import (
    Cells,
    blocks,
    cells,
    charge_notes,
    footnotes,
    fpr_levels,
    percent,
    protocol_note,
    statement,
)
from lit_mia.report.fidelity import fidelity_line
from lit_mia.report.refused import unequal_refusals
from lit_mia.report.schema import AuditReport

_TONES = {
    "leakage": "bold red",
    "not evidence": "bold magenta",
    "confounded": "bold yellow",
    "tool failure": "bold yellow",
    "not detected": "bold blue",
}
_TERMINAL_LEVELS = 2  # more do not fit into 80 columns; the page shows all
_SETTING_WIDTH = 18  # what the other columns of statistics leave of 80


def terminal_table(report: AuditReport) -> Group:
    """The table of attacks with their controls, its footnotes and the verdict, for a console of 80 or more columns."""
    levels = fpr_levels(report)[:_TERMINAL_LEVELS]
    fidelity = [fidelity_line(report.fidelity)] if report.fidelity else []
    said = [*footnotes(report, levels), *charge_notes(report), *fidelity]
    notes = Text("\n".join(said), style="dim")
    how = protocol_note(report)
    title = [Text(), Text(how)] if how else []
    return Group(*title, Text(), _table(report, levels), Text(), notes, Text(), _verdict(report))


def markdown_table(report: AuditReport) -> str:
    """The table as GitHub Markdown, between the protocol, where it needs to be said, and the footnotes."""
    levels, how = fpr_levels(report), protocol_note(report)
    rates = [f"TPR@{percent(fpr)} FPR" for fpr in levels]
    own = ["Setting", "NFE"] if how else []
    titles = ["Attack", *own, "AUC [95 % CI]", "Accuracy", *rates, "ΔAUC [95 % CI]", "Beats controls"]
    lines = [_line(titles), _line([":--" if title in ("Attack", "Setting") else "--:" for title in titles])]
    for block in blocks(report):
        for row in map(cells, block):
            name, *numbers = _markdown_cells(row)
            asked = [row.setting, row.evaluations] if how else []
            lines.append(_line([_escape(cell) for cell in (name, *asked, *numbers)]))
    notes = [f"- {_escape(note)}" for note in footnotes(report, levels)]
    return "\n".join([*([how, ""] if how else []), *lines, "", *notes]) + "\n"


def _table(report: AuditReport, levels: list[float]) -> Table:
    heads = report.protocol == "heads"
    rates = [f"TPR@\n{percent(fpr)}" for fpr in levels]
    numbers = ["AUC [95 % CI]", "Acc.", *rates, "ΔAUC [95 % CI]"]
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, padding=0)
    for title in ["Attack", *numbers, "Beats"] if heads else ["Attack", "NFE", *numbers]:
        first = title == "Attack"
        table.add_column(title, justify="left" if first else "right", vertical="top", no_wrap=heads or not first)
    for block in blocks(report):
        for row in block:
            texts = _head_cells(cells(row)) if heads else _statistic_cells(cells(row))
            table.add_row(*texts, style="" if row.kind == "attack" else "dim")
        table.add_section()
    return table


def _head_cells(row: Cells) -> list[Text]:
    delta = Text(f"{row.delta} {row.delta_ci}\nvs {row.versus}" if row.delta else "")
    return [_name(row), *_scores(row), delta, _mark(row)]


def _statistic_cells(row: Cells) -> list[Text]:
    """As for heads, but narrower: the difference over three lines, its mark beside it."""
    name = _name(row)
    if row.setting:
        name.append(f"\n{_fold(row.setting)}", style="not bold dim")
    delta = Text()
    if row.delta:
        delta = Text.assemble(row.delta, " ", _mark(row), f"\n{row.delta_ci}\nvs {row.versus_short}")
    return [name, Text(row.evaluations), *_scores(row), delta]


def _name(row: Cells) -> Text:
    return Text(row.name, style="bold") if row.kind == "attack" else Text(f"  {row.short}")


def _scores(row: Cells) -> list[Text]:
    return [Text(f"{row.auc} {row.auc_ci}"), Text(row.accuracy), *map(Text, row.tpr[:_TERMINAL_LEVELS])]


def _mark(row: Cells) -> Text:
    return Text(row.beats, style="bold green" if row.beats == "✓" else "")


def _fold(setting: str) -> str:
    """`t = 200, k = 100, n = 10` on narrow lines, none of them broken around an equals sign."""
    return fill(setting.replace(" = ", "\u00a0=\u00a0"), _SETTING_WIDTH).replace("\u00a0", " ")


def _markdown_cells(row: Cells) -> list[str]:
    name = f"**{row.name}**" if row.kind == "attack" else f"\u2003{row.name}"
    delta = f"{row.delta} {row.delta_ci} vs {row.versus}" if row.delta else ""
    return [name, f"{row.auc} {row.auc_ci}", row.accuracy, *row.tpr, delta, row.beats]


def _verdict(report: AuditReport) -> Panel:
    kind = report.verdict["kind"]
    tone = next((style for start, style in _TONES.items() if kind.startswith(start)), "bold")
    sentences = [statement(report), *unequal_refusals(report.refused)]
    return Panel(Text("\n\n".join(sentences)), title=Text(kind, style=tone), title_align="left", padding=(0, 1))


def _line(values: list[str]) -> str:
    return f"| {' | '.join(values)} |"


def _escape(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ").replace("<", "&lt;")
