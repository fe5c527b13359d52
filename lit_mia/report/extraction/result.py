"""What an extraction audit returns: its findings, which save, show and log themselves; the sections of its page."""

import csv
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, Self, final

from rich.console import Group
from rich.text import Text

from lit_mia.errors import ReportError
from lit_mia.records import MEMBER, NON_MEMBER
from lit_mia.report.base import NUMBERS, Logger, Picture, Result, Writer
from lit_mia.report.columns import values_of
from lit_mia.report.extraction.columns import (
    COLUMNS,
    RECORD_COLUMNS,
    copy_table,
    eidetic_table,
    tier_table,
    untargeted_table,
)
from lit_mia.report.extraction.counting import RECORDS, miscounted
from lit_mia.report.extraction.figure import closeness_figure
from lit_mia.report.extraction.schema import ExtractionFindings, InFile, RecordLine
from lit_mia.report.fields import read_fields
from lit_mia.report.forms import Fault, Fields, first_fault
from lit_mia.report.page import Section, pictures_section, render_page, tone_of, yaml_text
from lit_mia.report.style import Figure, svg
from lit_mia.report.tables import markdown_table, terminal_table, write_csv
from lit_mia.report.tracking import log_run

TABLE = "table.csv"
_AGAIN = "Run the audit again over the same store, where nothing is drawn twice."
TONES = {
    "training images": "leakage",
    "closer than chance": "leakage",
    "design violated": "violated",
    "suggestive": "suggestive",
    "not evidence": "no-evidence",
    "confounded": "confounded",
    "not detected": "not-detected",
}
"""Beginning of a verdict's kind → CSS class."""


@final
@dataclass(frozen=True, kw_only=True)
class ExtractionResult(ExtractionFindings, Result):
    """The findings of an extraction audit, which save, show and log themselves."""

    beside: ClassVar[tuple[str, ...]] = (RECORDS,)

    @classmethod
    def load(cls, folder: Path, numbers: Mapping[str, Any]) -> Self:
        """The result in a folder, from `audit.json` and `records.csv`."""
        fault = first_fault(numbers, cls.form()) or (None if numbers["rows"] else Fault("rows", "there are none"))
        if fault is not None:
            raise ReportError(f"{folder / NUMBERS} is no extraction audit: {fault}. {_AGAIN}")
        return read_fields(cls, {**numbers, "lines": _read_lines(folder / RECORDS)})

    @classmethod
    def form(cls) -> Fields:
        """The findings without single records."""
        return Fields("ExtractionAudit", (ExtractionFindings, InFile), frozenset({"lines"}), schema=cls.schema)

    @classmethod
    def faults(cls, folder: Path, numbers: Mapping[str, Any]) -> Iterator[Fault]:
        """See `Result`; the records are counted again."""
        try:
            yield from miscounted(cls.load(folder, numbers))
        except ReportError as error:
            yield Fault("", str(error))

    def files(self) -> dict[str, Writer]:
        """All rows, and every record."""
        return {
            TABLE: partial(write_csv, self.columns()),
            RECORDS: partial(write_csv, values_of(RECORD_COLUMNS, self.lines, "csv")),
        }

    def columns(self) -> dict[str, list[Any]]:
        """All rows, with the columns that files have."""
        return {"row": [row.name for row in self.rows], **values_of(COLUMNS, self.rows, "csv")}

    def figures(self) -> dict[str, Figure]:
        """How close images come to records."""
        return {"closeness": closeness_figure(self.lines, self.rows)}

    def page(self, pictures: Sequence[Picture] = ()) -> str:
        """The page; pictures only where they are given."""
        shown: Section[ExtractionFindings] = pictures_section(
            pictures,
            "Reproduced images",
            "Each record, what the target drew from its caption, and the base of the same seed.",
        )
        tone = tone_of(self.kind, TONES)
        return render_page(self, f"{self.name} · extraction audit", tone, (*_MEASURED, shown, *_TOLD))

    def terminal(self) -> Group:
        """The table, and the verdict."""
        title = f"{self.draws} {'image' if self.draws == 1 else 'images'} per caption, {self.tests} tests"
        verdict = Text(f"{self.kind.capitalize()}. {self.verdict['sentence']}")
        return Group(Text(title, "italic"), terminal_table(copy_table(self.rows, "terminal")), Text(), verdict)

    def markdown(self) -> str:
        """The table as GitHub Markdown."""
        return markdown_table(copy_table(self.rows, "markdown"))

    def log(self, logger: Logger) -> None:
        """Log numbers, table and figure as one run; of records only the hashes of their ids."""
        summary: dict[str, Any] = {"verdict": self.kind}
        for row in self.rows:
            summary |= {
                f"{row.name}/{row.measure}/members": row.members.rate,
                f"{row.name}/{row.measure}/held out": row.nonmembers.rate,
            }
        rows = {"row": [row.name for row in self.rows], **values_of(COLUMNS, self.rows, "wandb")}
        log_run(
            logger(),
            {"audit": self.config, "design": self.design, **self.hashes},
            summary,
            {"copies": rows, "records": values_of(RECORD_COLUMNS, self.lines, "wandb")},
            figures=self.figures(),
        )


def _read_lines(path: Path) -> list[RecordLine]:
    """Read `records.csv`.

    Raises:
        ReportError: If the file is missing or is not such a table.
    """
    try:
        with path.open(encoding="utf-8", newline="") as file:
            lines = [_line(line) for line in csv.DictReader(file)]
        if not lines:
            raise ValueError("there is no record")
    except (OSError, KeyError, TypeError, ValueError, csv.Error) as error:
        raise ReportError(f"{path} is no table of the records of an extraction audit ({error}). {_AGAIN}") from error
    return lines


def _line(line: Mapping[str, str]) -> RecordLine:
    value = float(line["value"])
    if not math.isfinite(value):
        raise ValueError(f"{value} is no closeness")
    return RecordLine(
        row=_one_of(("target", "base"), line["row"]),
        measure=line["measure"],
        id_hash=line["id_hash"],
        member=int(_one_of((f"{MEMBER}", f"{NON_MEMBER}"), line["member"])),
        value=value,
        own_nearest=_one_of(("True", "False"), line["own_nearest"]) == "True",
        reproduced=_one_of(("True", "False"), line["reproduced"]) == "True",
    )


def _one_of(allowed: tuple[str, ...], text: str) -> str:
    """The text, if it is allowed."""
    if text not in allowed:
        raise ValueError(f"{text!r} is none of {', '.join(allowed)}")
    return text


# ---------------------------------------------------------------------- page


def _provenance(found: ExtractionFindings) -> dict[str, Any]:
    return {
        "config": yaml_text(found.config),
        "details": {"Target": found.target, **({"Base": found.base} if found.base else {})},
        "digests": {**found.hashes, "git": found.git or "none", "schema": found.schema},
        "versions": found.versions,
        "footer": f"{found.created} · numbers in audit.json and table.csv, records in records.csv",
    }


_MEASURED: tuple[Section[ExtractionFindings], ...] = (
    Section("extraction/heading.html.jinja"),
    Section("extraction/copies.html.jinja", lambda found: {"table": copy_table(found.rows, "page")}),
    Section(
        "extraction/closeness.html.jinja",
        lambda found: {
            "figure": svg(closeness_figure(found.lines, found.rows), "closeness", "Closeness of drawn images by half")
        },
    ),
    Section(
        "extraction/tiers.html.jinja",
        lambda found: {"tiers": tier_table(found.tiers), "eidetic": eidetic_table(found.eidetic)},
        applies=lambda found: bool(found.tiers or found.eidetic),
    ),
    Section(
        "extraction/untargeted.html.jinja",
        lambda found: {"table": untargeted_table(found.untargeted)},
        applies=lambda found: bool(found.untargeted),
    ),
    Section("extraction/triage.html.jinja", applies=lambda found: found.triaged is not None),
)
_TOLD: tuple[Section[ExtractionFindings], ...] = (
    Section("extraction/cost.html.jinja"),
    Section("extraction/limits.html.jinja"),
    Section("provenance.html.jinja", _provenance),
)
