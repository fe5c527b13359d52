"""What a membership audit returns: its numbers, and the scores of single records; the sections of its page."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, Literal, Self, final

from rich.console import Group
from rich.panel import Panel
from rich.text import Text

from lit_mia.errors import ReportError
from lit_mia.metrics.evidence import BY_COIN
from lit_mia.metrics.roc import Roc
from lit_mia.report.base import Logger, Picture, Result, Writer
from lit_mia.report.columns import Place, Table, table_of, values_of
from lit_mia.report.membership.bound_table import bound_notes, bound_table
from lit_mia.report.membership.columns import COLUMNS, TERMINAL_LEVELS, is_attack, short_name
from lit_mia.report.membership.fidelity import distance_rows, fidelity_line, fidelity_notes
from lit_mia.report.membership.figures import family_roc_figure, forest_figure, roc_figure
from lit_mia.report.membership.findings import difference_table, headline_of
from lit_mia.report.membership.further import further_notes, further_tables
from lit_mia.report.membership.notes import (
    blocks,
    charge_notes,
    footnotes,
    fpr_floor,
    fpr_levels,
    power_note,
    statement,
    tried_note,
)
from lit_mia.report.membership.protocols import note_of
from lit_mia.report.membership.refused import unequal_refusals
from lit_mia.report.membership.schema import SCHEMA, AuditReport, Row
from lit_mia.report.membership.scores import COMBINED, ScoreTable, curves, read_scores, write_roc, write_scores
from lit_mia.report.membership.sets import set_markdown, set_notes, set_table
from lit_mia.report.membership.tiers import tier_table
from lit_mia.report.page import Section, pictures_section, render_page, yaml_text
from lit_mia.report.style import svg
from lit_mia.report.tables import markdown_table, terminal_table, write_csv
from lit_mia.report.tracking import log_run
from lit_mia.row_kinds import ROW_KINDS

SCORES, ROC, TABLE = "scores.parquet", "roc.csv", "table.csv"
_STYLES = {
    "leakage": "bold red",
    "no-evidence": "bold magenta",
    "confounded": "bold yellow",
    "tool-failure": "bold yellow",
    "violated": "bold yellow",
    "suggestive": "bold magenta",
    "not-detected": "bold blue",
}
ScoredBy = Literal["heads", "statistics", "both"]
TONES = {
    "design violated": "violated",
    "leakage": "leakage",
    "suggestive": "suggestive",
    "not evidence": "no-evidence",
    "confounded": "confounded",
    "tool failure": "tool-failure",
    "not detected": "not-detected",
}
"""Beginning of a verdict's kind → CSS class."""
_ROOMY = 5  # as many columns of words, or of numbers with intervals, fit without breaking a cell


@final
@dataclass(frozen=True, eq=False)
class MembershipResult(Result):
    """The numbers of a membership audit; it saves, shows and logs itself.

    Attributes:
        report: What `audit.json` holds.
        scores: Scores of single records.
    """

    schema: ClassVar[str] = SCHEMA
    report: AuditReport
    scores: ScoreTable

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
        notes = [*footnotes(report, levels), *further_notes(report), *charge_notes(report), *fidelity]
        said = Text("\n".join([*notes, *set_notes(report)[:1]]), style="dim")
        sentences = Text("\n\n".join([statement(report), *unequal_refusals(report.refused)]))
        further = [part for table in further_tables(report, "terminal") for part in (Text(), terminal_table(table))]
        title = Text(kind, style=_STYLES.get(tone_of(kind), "bold"))
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

    def markdown(self) -> str:
        """The table as GitHub Markdown, between the protocol, where it needs to be said, and the footnotes."""
        how = note_of(self.report.protocol)
        said = [*footnotes(self.report, fpr_levels(self.report.rows)), *further_notes(self.report)]
        notes = "".join(f"- {note.replace('<', '&lt;')}\n" for note in said)
        table = markdown_table(attack_table(self.report, "markdown", lambda row: row.name))
        further = "".join(f"{markdown_table(of)}\n" for of in further_tables(self.report, "markdown"))
        return (f"{how}\n\n" if how else "") + f"{table}\n{further}{notes}{set_markdown(self.report)}"

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
            figures={
                "roc": roc_figure(report, rocs, [row.name for row in self.attacks]),
                "roc_family": family_roc_figure(report, rocs),
            },
        )


# ---------------------------------------------------------------------- page


def tone_of(kind: str) -> str:
    """CSS class of a verdict."""
    return next((tone for start, tone in TONES.items() if kind.startswith(start)), "other")


def scored_by(report: AuditReport) -> ScoredBy:
    """What a report's attacks are, for sentences that differ in it."""
    heads = {row["protocol"] == "heads" for row in report.rows}
    return "both" if len(heads) > 1 else "heads" if True in heads else "statistics"


def attack_table(report: AuditReport, place: Place, name: Callable[[Row], str]) -> Table:
    """The headline table.

    Args:
        report: The numbers.
        place: Where it will stand.
        name: What a row is called.
    """
    return table_of("Attack", COLUMNS, blocks(report), place, name=name, kind=lambda row: row.kind, strong=is_attack)


def _heading(result: MembershipResult) -> dict[str, Any]:
    report, attacks = result.report, result.attacks
    return {
        "tone": tone_of(report.verdict["kind"]),
        "by_coin": report.design in BY_COIN,
        "scored_by": scored_by(report),
        "statement": statement(report),
        "unequal_refusals": unequal_refusals(report.refused),
        "attacks": attacks,
        "finders": sum(row["outcome"] == report.verdict["kind"] for row in attacks),
        "headline": headline_of(report),
        "power_note": power_note(report),
        "reads_base": any(row["reads_base"] for row in attacks),
    }


def _table(result: MembershipResult) -> dict[str, Any]:
    report, how = result.report, scored_by(result.report)
    table = attack_table(report, "page", (lambda row: row.name) if how == "heads" else short_name)
    broad = sum(words or measured for words, measured in zip(table.left, table.measured, strict=True))
    return {
        "table": table,
        "scored_by": how,
        "by_coin": report.design in BY_COIN,
        "differences": difference_table(report),
        "kinds": [ROW_KINDS[name] for name in dict.fromkeys(row.kind for row in report.rows) if name != "attack"],
        "classes": ("" if how == "heads" else "asked") + (" roomy" if broad <= _ROOMY else ""),
        "note": note_of(report.protocol),
        "footnotes": footnotes(report, fpr_levels(report.rows)),
    }


def _forest(result: MembershipResult) -> dict[str, Any]:
    forest = svg(forest_figure(result.report), "forest", "AUC with 95 % interval of every attack and control")
    by_coin = result.report.design in BY_COIN
    return {"forest": forest, "scored_by": scored_by(result.report), "by_coin": by_coin}


def _roc(result: MembershipResult) -> dict[str, Any]:
    report, rocs, names = result.report, result.curves(), [row.name for row in result.attacks]
    family = svg(family_roc_figure(report, rocs), "family", "Log–log ROC curves of all attacks")
    panels = [
        svg(roc_figure(report, rocs, [name]), f"roc{i}", f"Log–log ROC curves of attack {name} and its controls")
        for i, name in enumerate(names)
    ]
    return {
        "family": family if len(names) > 1 else "",
        "panels": panels,
        "floor": fpr_floor(report),
    }


def _design(result: MembershipResult) -> dict[str, Any]:
    report = result.report
    return {
        "floor": fpr_floor(report),
        "power_note": power_note(report),
        "tried": tried_note(report),
        "tiers": tier_table(report, "page"),
    }


def _bounds(result: MembershipResult) -> dict[str, Any]:
    return {"table": bound_table(result.report, "page"), "notes": bound_notes(result.report)}


def _controls(result: MembershipResult) -> dict[str, Any]:
    """Sentence on a placebo → the attacks that have it."""
    placebos: dict[str, list[str]] = {}
    for attack, check in result.report.placebo_checks.items():
        placebos.setdefault(check["sentence"], []).append(attack)
    return {"placebos": placebos}


def _fidelity(result: MembershipResult) -> dict[str, Any]:
    fidelity = result.report.fidelity
    if fidelity is None:
        return {}
    return {"distances": distance_rows(fidelity), "fidelity_notes": fidelity_notes(fidelity)}


def _sets(result: MembershipResult) -> dict[str, Any]:
    return {"table": set_table(result.report, "page"), "notes": set_notes(result.report)}


def _provenance(result: MembershipResult) -> dict[str, Any]:
    report = result.report
    tools = {"How targets answered": report.facts, "Encoder": report.encoder, "Captioner": report.captioner}
    sometimes = {
        "Base": report.base,
        "Shadow": report.shadow,
        **tools,
        "Records skipped": dict.fromkeys(report.skipped, "skipped"),
    }
    return {
        "config": yaml_text(report.config),
        "details": {
            "Target": report.target,
            "Placebo": report.placebo,
            **{title: values for title, values in sometimes.items() if values},
        },
        "digests": {
            "split seed": report.splits["seed"],
            "splits": report.splits["digest"],
            "store": report.store_digest,
            "git": report.git or "none",
            "schema": report.schema,
        },
        "versions": report.versions,
        "footer": f"{report.created} · numbers in audit.json, scores in scores.parquet, curves in roc.csv",
    }


BEFORE_PICTURES: tuple[Section[MembershipResult], ...] = (
    Section("membership/heading.html.jinja", _heading),
    Section("membership/table.html.jinja", _table),
    Section("membership/forest.html.jinja", _forest),
    Section("membership/roc.html.jinja", _roc),
)
AFTER_PICTURES: tuple[Section[MembershipResult], ...] = (
    Section("membership/thresholds.html.jinja", lambda result: {"attacks": result.attacks}),
    Section("membership/controls.html.jinja", _controls),
    Section("membership/sets.html.jinja", _sets, lambda result: result.report.set_level is not None),
    Section("membership/fidelity.html.jinja", _fidelity, lambda result: result.report.fidelity is not None),
    Section("membership/design.html.jinja", _design),
    Section("membership/bounds.html.jinja", _bounds, lambda result: result.report.dp_bound is not None),
    Section("membership/cost.html.jinja", lambda result: {"charge_notes": charge_notes(result.report)}),
    Section("membership/limits.html.jinja"),
    Section("provenance.html.jinja", _provenance),
)
