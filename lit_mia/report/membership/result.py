"""What a membership audit returns: its numbers, and the scores of single records."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, final

from lit_mia.report.base import Picture, Result, Writer
from lit_mia.report.columns import Place, Table, table_of, values_of
from lit_mia.report.membership.columns import COLUMNS, TERMINAL_LEVELS, is_attack, short_name
from lit_mia.report.membership.content import Content
from lit_mia.report.membership.fidelity import fidelity_line
from lit_mia.report.membership.notes import blocks, charge_notes, footnotes, fpr_levels, statement
from lit_mia.report.membership.protocols import note_of
from lit_mia.report.membership.refused import unequal_refusals
from lit_mia.report.membership.schema import SCHEMA, AuditReport, Row
from lit_mia.report.membership.scores import read_scores, write_roc, write_scores
from lit_mia.report.membership.sections import AFTER_PICTURES, BEFORE_PICTURES, tone_of
from lit_mia.report.page import pictures_section, render_page
from lit_mia.report.tables import markdown_table, terminal_table, write_csv

if TYPE_CHECKING:
    from lightning.pytorch.loggers import WandbLogger
    from rich.console import Group

SCORES, ROC, TABLE = "scores.parquet", "roc.csv", "table.csv"
_STYLES = {
    "leakage": "bold red",
    "no-evidence": "bold magenta",
    "confounded": "bold yellow",
    "tool-failure": "bold yellow",
    "not-detected": "bold blue",
}


@final
@dataclass(frozen=True, eq=False)
class MembershipResult(Content, Result):
    """The numbers of a membership audit; it saves, shows and logs itself."""

    schema = SCHEMA

    @classmethod
    def load(cls, folder: Path, numbers: Mapping[str, Any]) -> Self:
        """See `Result`."""
        return cls(AuditReport.from_dict(numbers), read_scores(folder / SCORES))

    def numbers(self) -> dict[str, Any]:
        """See `Result`."""
        return self.report.to_dict()

    def files(self) -> dict[str, Writer]:
        """Scores of single records, exact curves, and the table."""
        named = {"row": [row.name for row in self.report.rows], "kind": [row.kind for row in self.report.rows]}
        return {
            SCORES: partial(write_scores, self.scores),
            ROC: partial(write_roc, self.scores),
            TABLE: partial(write_csv, named | values_of(COLUMNS, self.report.rows, "csv")),
        }

    def page(self, pictures: Sequence[Picture] = ()) -> str:
        """See `Result`."""
        shown = pictures_section(
            pictures,
            "Records and what the target made of their captions",
            "Left the record, right the generated image. A look at a few cases, not a result.",
        )
        sections = (*BEFORE_PICTURES, shown, *AFTER_PICTURES)
        tone = tone_of(self.report.verdict["kind"])
        return render_page(self, f"{self.report.name} · membership audit", tone, sections)

    def terminal(self) -> "Group":
        """The table of attacks with their controls, its footnotes and the verdict."""
        from rich.console import Group
        from rich.panel import Panel
        from rich.text import Text

        report = self.report
        how, kind = note_of(report.protocol), report.verdict["kind"]
        fidelity = [fidelity_line(report.fidelity)] if report.fidelity else []
        levels = [level for level in fpr_levels(report) if level in TERMINAL_LEVELS]
        said = Text("\n".join([*footnotes(report, levels), *charge_notes(report), *fidelity]), style="dim")
        sentences = Text("\n\n".join([statement(report), *unequal_refusals(report.refused)]))
        title = Text(kind, style=_STYLES.get(tone_of(kind), "bold"))
        return Group(
            *([Text(), Text(how)] if how else []),
            Text(),
            terminal_table(self._table("terminal", short_name)),
            Text(),
            said,
            Text(),
            Panel(sentences, title=title, title_align="left", padding=(0, 1)),
        )

    def markdown(self) -> str:
        """The table as GitHub Markdown, between the protocol, where it needs to be said, and the footnotes."""
        how = note_of(self.report.protocol)
        notes = "".join(f"- {note.replace('<', '&lt;')}\n" for note in footnotes(self.report, fpr_levels(self.report)))
        table = markdown_table(self._table("markdown", lambda row: row.name))
        return (f"{how}\n\n" if how else "") + f"{table}\n{notes}"

    def log(self, logger: "Callable[..., WandbLogger]") -> None:
        """Numbers, score table and ROC plots as one run."""
        from lit_mia.report.membership.tracking import log_membership

        log_membership(logger(), self)

    def _table(self, place: Place, name: Callable[[Row], str]) -> Table:
        return table_of(
            "Attack", COLUMNS, blocks(self.report), place, name=name, kind=lambda row: row.kind, strong=is_attack
        )
