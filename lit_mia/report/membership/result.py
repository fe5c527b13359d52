"""What a membership audit returns: its numbers, and the scores of single records."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Self, final

from rich.console import Group
from rich.panel import Panel
from rich.text import Text

from lit_mia.report.base import Logger, Picture, Result, Writer
from lit_mia.report.columns import values_of
from lit_mia.report.membership.columns import COLUMNS, TERMINAL_LEVELS, short_name
from lit_mia.report.membership.figures import family_roc_figure, roc_figure
from lit_mia.report.membership.notes import (
    charge_notes,
    fidelity_line,
    footnotes,
    fpr_levels,
    note_of,
    statement,
    unequal_refusals,
)
from lit_mia.report.membership.page import AFTER_PICTURES, BEFORE_PICTURES, Content, attack_table, tone_of
from lit_mia.report.membership.schema import SCHEMA, AuditReport
from lit_mia.report.membership.scores import COMBINED, read_scores, write_roc, write_scores
from lit_mia.report.page import pictures_section, render_page
from lit_mia.report.tables import markdown_table, terminal_table, write_csv
from lit_mia.report.tracking import log_run

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

    def terminal(self) -> Group:
        """The table of attacks with their controls, its footnotes and the verdict."""
        report = self.report
        how, kind = note_of(report.protocol), report.verdict["kind"]
        fidelity = [fidelity_line(report.fidelity)] if report.fidelity else []
        levels = [level for level in fpr_levels(report.rows) if level in TERMINAL_LEVELS]
        said = Text("\n".join([*footnotes(report, levels), *charge_notes(report), *fidelity]), style="dim")
        sentences = Text("\n\n".join([statement(report), *unequal_refusals(report.refused)]))
        title = Text(kind, style=_STYLES.get(tone_of(kind), "bold"))
        return Group(
            *([Text(), Text(how)] if how else []),
            Text(),
            terminal_table(attack_table(report, "terminal", short_name)),
            Text(),
            said,
            Text(),
            Panel(sentences, title=title, title_align="left", padding=(0, 1)),
        )

    def markdown(self) -> str:
        """The table as GitHub Markdown, between the protocol, where it needs to be said, and the footnotes."""
        how = note_of(self.report.protocol)
        notes = "".join(
            f"- {note.replace('<', '&lt;')}\n" for note in footnotes(self.report, fpr_levels(self.report.rows))
        )
        table = markdown_table(attack_table(self.report, "markdown", lambda row: row.name))
        return (f"{how}\n\n" if how else "") + f"{table}\n{notes}"

    def log(self, logger: Logger) -> None:
        """Log numbers, the combined scores of the test split and ROC plots as one run.

        Config and hashes go to the run's config, every column of every row to its summary.
        """
        report, rocs = self.report, self.curves()
        names, columns = [row.name for row in report.rows], values_of(COLUMNS, report.rows, "wandb")
        values = {
            f"test/{column}/{name}": value
            for column, of_rows in columns.items()
            for name, value in zip(names, of_rows, strict=True)
            if value is not None
        }
        combined = self.scores.select((self.scores.seed == COMBINED) & (self.scores.split == "test"))
        told = ("id_hash", "label", "row", "kind", "score")
        log_run(
            logger(),
            self._settings(),
            {**values, "verdict": report.verdict["kind"], "cost/queries": report.cost.queries},
            {"rows": {"row": names, **columns}, "scores": {name: getattr(combined, name).tolist() for name in told}},
            {
                "roc": roc_figure(report, rocs, [row.name for row in self.attacks]),
                "roc_family": family_roc_figure(report, rocs),
            },
        )

    def _settings(self) -> dict[str, Any]:
        report = self.report
        return {
            "audit": report.config,
            "split_digest": report.splits["digest"],
            "store_digest": report.store_digest,
            "target": report.target,
            "encoder": report.encoder,
            "captioner": report.captioner,
            "design": report.design,
            "protocol": report.protocol,
        }
