"""What a membership audit returns: its numbers, and the scores of single records."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, Self, final

from rich.console import Group
from rich.panel import Panel
from rich.text import Text

from lit_mia.errors import ReportError
from lit_mia.metrics.roc import Roc
from lit_mia.report.base import NUMBERS, PAGE, Logger, Picture, Result, Writer
from lit_mia.report.columns import values_of
from lit_mia.report.forms import Fault, Fields
from lit_mia.report.membership.card import document
from lit_mia.report.membership.checks.beside import ROC, SCORES, against_files
from lit_mia.report.membership.checks.file_form import FORM
from lit_mia.report.membership.checks.within import contradictions
from lit_mia.report.membership.columns import COLUMNS, TERMINAL_LEVELS, attack_table, is_attack, short_name
from lit_mia.report.membership.fidelity import fidelity_line
from lit_mia.report.membership.figures import family_roc_figure, roc_figure
from lit_mia.report.membership.further import further_notes, further_tables
from lit_mia.report.membership.nameless import nameless
from lit_mia.report.membership.next_steps import next_steps
from lit_mia.report.membership.notes import (
    charge_notes,
    footnotes,
    fpr_levels,
    statement,
)
from lit_mia.report.membership.protocols import note_of
from lit_mia.report.membership.refused import unequal_refusals
from lit_mia.report.membership.schema import SCHEMA, AuditReport, Row
from lit_mia.report.membership.scores import COMBINED, ScoreTable, curves, read_scores, write_roc, write_scores
from lit_mia.report.membership.sections import AFTER_PICTURES, BEFORE_PICTURES, TONES
from lit_mia.report.membership.self_test.words import self_test_line, self_test_markdown
from lit_mia.report.membership.self_test_numbers import SelfTest
from lit_mia.report.membership.sets import set_markdown, set_notes
from lit_mia.report.page import pictures_section, render_page, tone_of
from lit_mia.report.style import Figure
from lit_mia.report.tables import markdown_notes, markdown_table, terminal_table, write_csv
from lit_mia.report.tracking import Bundle, log_run

TABLE, DOCUMENT = "table.csv", "report.md"
_STYLES = {
    "leakage": "bold red",
    "no-evidence": "bold magenta",
    "confounded": "bold yellow",
    "tool-failure": "bold yellow",
    "violated": "bold yellow",
    "suggestive": "bold magenta",
    "not-detected": "bold blue",
}


@final
@dataclass(frozen=True, eq=False)
class MembershipResult(Result):
    """The numbers of a membership audit; it saves, shows and logs itself.

    Attributes:
        report: What `audit.json` holds.
        scores: Scores of single records.
        self_test: The last self-test in the folder, of whatever configuration; None without one.
    """

    schema: ClassVar[str] = SCHEMA
    beside: ClassVar[tuple[str, ...]] = (SCORES, ROC)
    report: AuditReport
    scores: ScoreTable
    self_test: SelfTest | None = None

    @property
    def attacks(self) -> list[Row]:
        """The rows of attacks."""
        return [row for row in self.report.rows if is_attack(row)]

    def curves(self) -> dict[str, Roc]:
        """The exact ROC curve of every row.

        Raises:
            ReportError: If a row of the report has no scores.
        """
        rocs = curves(self.scores)
        missing = [row.name for row in self.report.rows if row.name not in rocs]
        if missing:
            raise ReportError(f"There are no combined test scores for {missing}. Are all files of one audit?")
        return rocs

    @classmethod
    def load(cls, folder: Path, numbers: Mapping[str, Any]) -> Self:
        """See `Result`."""
        return cls(AuditReport.from_dict(numbers), read_scores(folder / SCORES), SelfTest.read(folder))

    @classmethod
    def form(cls) -> Fields:
        """See `Result`."""
        return FORM

    @classmethod
    def faults(cls, folder: Path, numbers: Mapping[str, Any]) -> Iterator[Fault]:
        """See `Result`; the scores need not be there."""
        report = AuditReport.from_dict(numbers)
        yield from contradictions(report)
        yield from against_files(report, folder)

    def numbers(self) -> dict[str, Any]:
        """See `Result`."""
        return self.report.to_dict()

    def files(self) -> dict[str, Writer]:
        """Scores of single records, exact curves, and the table."""
        return {
            SCORES: partial(write_scores, self.scores),
            ROC: partial(write_roc, self.scores),
            TABLE: partial(write_csv, self.columns()),
        }

    def columns(self) -> dict[str, list[Any]]:
        """Attacks and controls, with the columns that files have."""
        named = {"row": [row.name for row in self.report.rows], "kind": [row.kind for row in self.report.rows]}
        return named | values_of(COLUMNS, self.report.rows, "csv")

    def figures(self) -> dict[str, Figure]:
        """ROC curves: of each attack with its controls, and of all attacks."""
        rocs = self.curves()
        return {
            "roc": roc_figure(self.report, rocs, [row.name for row in self.attacks]),
            "roc_family": family_roc_figure(self.report, rocs),
        }

    def page(self, pictures: Sequence[Picture] = ()) -> str:
        """See `Result`."""
        shown = pictures_section(
            pictures,
            "Records and what the target made of their captions",
            "Left the record, right the generated image. A look at a few cases, not a result.",
        )
        sections = (*BEFORE_PICTURES, shown, *AFTER_PICTURES)
        tone = tone_of(self.report.verdict["kind"], TONES)
        return render_page(self, f"{self.report.name} · membership audit", tone, sections)

    def terminal(self) -> Group:
        """The table of attacks with their controls, its footnotes and the verdict."""
        report = self.report
        how, kind = note_of(report.protocol), report.verdict["kind"]
        fidelity = [fidelity_line(report.fidelity)] if report.fidelity else []
        levels = [level for level in fpr_levels(report.rows) if level in TERMINAL_LEVELS]
        notes = [*footnotes(report, levels), *further_notes(report), *charge_notes(report), *fidelity]
        tested = self_test_line(report, self.self_test)
        said = Text("\n".join([*notes, *set_notes(report)[:1], tested]), style="dim")
        sentences = Text("\n\n".join([statement(report), *unequal_refusals(report.refused)]))
        further = [part for table in further_tables(report, "terminal") for part in (Text(), terminal_table(table))]
        title = Text(kind, style=_STYLES.get(tone_of(kind, TONES), "bold"))
        return Group(
            *([Text(), Text(how)] if how else []),
            Text(),
            terminal_table(attack_table(report, "terminal", short_name)),
            *further,
            Text(),
            said,
            Text(),
            Panel(sentences, title=title, title_align="left", padding=(0, 1)),
        )

    def line(self) -> str:
        """See `Result`; the kind of verdict is not said twice."""
        return f"{self.report.verdict['kind']}: {' '.join(statement(self.report).split())}"

    def next_steps(self, folder: Path) -> list[str]:
        """See `Result`."""
        return next_steps(self.report, self.self_test, folder)

    def markdown(self) -> str:
        """The table as GitHub Markdown, between the protocol, where it needs to be said, and the footnotes."""
        how = note_of(self.report.protocol)
        said = [*footnotes(self.report, fpr_levels(self.report.rows)), *further_notes(self.report)]
        table = markdown_table(attack_table(self.report, "markdown", lambda row: row.name))
        further = "".join(f"{markdown_table(of)}\n" for of in further_tables(self.report, "markdown"))
        notes, tested = markdown_notes(said), self_test_markdown(self.report, self.self_test)
        return (f"{how}\n\n" if how else "") + f"{table}\n{further}{notes}{set_markdown(self.report)}\n{tested}"

    def texts(self) -> dict[str, str]:
        """The report as Markdown."""
        return {DOCUMENT: document(self.report, self.self_test, self.markdown())}

    def log(self, logger: Logger) -> None:
        """Log numbers, the combined scores of the test split, ROC plots and the report's files as one run.

        Config and hashes go to the run's config, every column of every row to its summary. The artifact holds all files
        of the report but those of single records and heads.
        """
        report = self.report
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
            {
                "audit": report.config,
                "split_digest": report.splits["digest"],
                "store_digest": report.store_digest,
                **{name: getattr(report, name) for name in ("target", "encoder", "captioner", "design", "protocol")},
            },
            {**values, "verdict": report.verdict["kind"], "cost/queries": report.cost.queries},
            tables={
                "rows": {"row": names, **columns},
                "scores": {name: getattr(combined, name).tolist() for name in told},
            },
            figures=self.figures(),
            bundle=Bundle(report.name, self._shared()),
        )

    def _shared(self) -> dict[str, Writer]:
        """The files of the report without those that hold the scores of single records, and without their names."""
        shared = replace(self, report=nameless(self.report))
        texts = {NUMBERS: shared.text, PAGE: shared.page}
        whole = {name: lambda path, of=of: path.write_text(of(), encoding="utf-8") for name, of in texts.items()}
        return {**whole, **{name: write for name, write in self.files().items() if name not in (SCORES, ROC)}}
