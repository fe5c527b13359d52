"""What an identity audit returns: its findings, which save, show and log themselves; the sections of its page."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, Self, final

from rich.console import Group
from rich.text import Text

from lit_mia.metrics.evidence import Design
from lit_mia.report.base import HeldByAll, Logger, Picture, Result, Writer
from lit_mia.report.columns import values_of
from lit_mia.report.fields import check_fields, read_fields
from lit_mia.report.forms import Fields
from lit_mia.report.identity.columns import halves_table, identity_table
from lit_mia.report.identity.people import PEOPLE_COLUMNS, people_curves, people_table, read_people
from lit_mia.report.identity.plots import heat_figure, identity_roc_figure, images_figure, occurrences_figure
from lit_mia.report.identity.schema import IdentityFindings, IdentityRow
from lit_mia.report.page import Section, pictures_section, render_page, tone_of, yaml_text
from lit_mia.report.style import Figure, svg
from lit_mia.report.tables import markdown_table, terminal_table, write_csv, write_curves
from lit_mia.report.tracking import log_run
from lit_mia.report.words import p_value, percent

PEOPLE, ROC = "people.csv", "roc.csv"
TONES = {
    "identities recognised": "leakage",
    "not evidence": "no-evidence",
    "confounded": "confounded",
    "not detected": "not-detected",
    "not measured": "not-detected",
}
"""Beginning of a verdict's kind → CSS class."""


@final
@dataclass(frozen=True, kw_only=True)
class IdentityResult(IdentityFindings, Result):
    """The findings of an identity audit, which save, show and log themselves."""

    beside: ClassVar[tuple[str, ...]] = (PEOPLE,)

    @classmethod
    def load(cls, folder: Path, numbers: Mapping[str, Any]) -> Self:
        """The result in a folder, from `audit.json` and `people.csv`."""
        found = {name: value for name, value in numbers.items() if name != "schema"}
        values = {**found, "lines": read_people(folder / PEOPLE)}
        check_fields(cls, values, "the audit")
        for i, row in enumerate(values["rows"]):
            check_fields(IdentityRow, row, f"row {i}")
        return read_fields(cls, values)

    @classmethod
    def form(cls) -> Fields:
        """The findings without single people."""
        return Fields("IdentityAudit", (IdentityFindings, HeldByAll), frozenset({"lines"}), schema=cls.schema)

    def files(self) -> dict[str, Writer]:
        """People, and the exact ROC curves."""
        curves = [((row,), roc) for row, roc in people_curves(self.lines).items()]
        return {
            PEOPLE: partial(write_csv, values_of(PEOPLE_COLUMNS, self.lines, "csv")),
            ROC: partial(write_curves, ("row",), curves),
        }

    def page(self, pictures: Sequence[Picture] = ()) -> str:
        """The page; pictures only where they are given."""
        shown: Section[IdentityFindings] = pictures_section(pictures, "Pictures", "One picture of each person.")
        tone = tone_of(self.verdict["kind"], TONES)
        return render_page(self, f"{self.name} · identity audit", tone, (*_MEASURED, shown, *_TOLD))

    def terminal(self) -> Group:
        """The table of target and controls, and the verdict."""
        people = self.people
        title = f"n = {self.largest} images, {people['member']} members, {people['non_member']} non-members"
        verdict = Text(f"{self.verdict['kind'].capitalize()}. {self.verdict['sentence']}")
        return Group(Text(title, "italic"), terminal_table(identity_table(self.rows, "terminal")), Text(), verdict)

    def markdown(self) -> str:
        """The table of target and controls as GitHub Markdown."""
        return markdown_table(identity_table(self.rows, "markdown"))

    def log(self, logger: Logger) -> None:
        """Log numbers, curves and people as one run; a number stands for each name."""
        digests = {"pool_digest": self.pool_digest, "people_digest": self.people_digest}
        log_run(
            logger(),
            {"audit": self.config, "design": self.design, **digests},
            {**self._rates(), "verdict": self.verdict["kind"]},
            {"people": self._unnamed()},
            figures=self.figures(),
        )

    def figures(self) -> dict[str, Figure]:
        """ROC curves of target and controls, and rates by images and templates where they were measured."""
        roc = identity_roc_figure(self, people_curves(self.lines))
        return {"roc": roc, **({"heat": heat_figure(self)} if self.grid else {})}

    def _rates(self) -> dict[str, float]:
        """Every rate of every model."""
        return {
            f"test/{name}@{point.threshold}/{row.name}": rate.value
            for row in self.rows
            for point in row.points
            for name, rate in (("tpr", point.tpr), ("fpr", point.fpr))
            if rate is not None
        }

    def _unnamed(self) -> dict[str, list[Any]]:
        """The people with a number in the order of the lines for each name."""
        numbers = {name: number for number, name in enumerate(dict.fromkeys(line.name for line in self.lines))}
        return {
            "person": [numbers[line.name] for line in self.lines],
            "label": [line.member for line in self.lines],
            **values_of(PEOPLE_COLUMNS, self.lines, "wandb"),
        }


def identity_limits(target: IdentityRow, notes: Sequence[str], cut_off: int, skipped: int, design: Design) -> list[str]:
    """Sentences that qualify every result.

    Args:
        target: The row of the target.
        notes: What the target has to say of itself.
        cut_off: Captions that it did not read to their end.
        skipped: People with too few images.
        design: How members and non-members came about.
    """
    point = target.points[0]
    sometimes = {
        "Nobody is known to be no member, so false recognitions were not measured.": point.fpr is None,
        "Members and others were put together afterwards, so no number is evidence of training use.": (
            design == "post_hoc"
        ),
        f"{skipped} people have too few readable images and were skipped.": skipped > 0,
        f"The target does not read {cut_off} captions to their end; names in them may be lost.": cut_off > 0,
    }
    return [
        "Rates are averages over people. Being recognised is a hint for one person, never a proof: on average, if "
        f"names are exchangeable within the pool, chance alone recognises up to {percent(point.bound)} of people by "
        f"{point.threshold} or more templates; larger if the model matches sex or origin to names.",
        "Not being recognised does not show that a person was left out of the training data.",
        "A name may stand in captions of pictures that do not show the person, and a person may have been trained on "
        "under another spelling: labels that come from captions can be wrong either way.",
        "Chance is bounded on average over people; some names are drawn to many faces at once, so that false "
        "recognitions come in clusters.",
        "Intervals are over people (95 %). Another pool of names or another training run would vary more.",
        "A stronger attack may exist. An audit can show that names are linked with faces, never that they are not.",
        *(sentence for sentence, applies in sometimes.items() if applies),
        *notes,
    ]


# ---------------------------------------------------------------------- page


def _figures(found: IdentityFindings) -> dict[str, Any]:
    return {
        "heat": svg(heat_figure(found), "heat", "Recognised members by number of images and of training pairs"),
        "by_images": svg(images_figure(found), "images", "Recognised people by number of images"),
        "by_occurrences": svg(occurrences_figure(found), "pairs", "Recognised people by training pairs"),
        **{f"trend_{name}": p_value(found.trends[name]) or "not tested" for name in ("images", "occurrences")},
    }


def _people(found: IdentityFindings) -> dict[str, Any]:
    own = [line for line in found.lines if line.row == "target"]
    recognised = sum(line.recognised[found.setting["thresholds"][0]] >= 0.5 for line in own)
    return {"table": people_table(own), "people": len(own), "recognised": recognised}


def _provenance(found: IdentityFindings) -> dict[str, Any]:
    left_out = {"People skipped": found.skipped, "Unreadable images": found.unreadable}
    return {
        "config": yaml_text(found.config),
        "details": {
            **{f"Model: {row.name}": row.model for row in found.rows},
            **{title: people for title, people in left_out.items() if people},
        },
        "digests": {
            "pool": found.pool_digest,
            "people": found.people_digest,
            "git": found.git or "none",
            "schema": found.schema,
        },
        "versions": found.versions,
        "footer": f"{found.created} · numbers in audit.json, people in people.csv, curves in roc.csv",
    }


_MEASURED: tuple[Section[IdentityFindings], ...] = (
    Section("identity/heading.html.jinja"),
    Section("identity/models.html.jinja", lambda found: {"table": identity_table(found.rows, "page")}),
    Section(
        "identity/halves.html.jinja",
        lambda found: {"table": halves_table(found.halves)},
        applies=lambda found: bool(found.halves),
    ),
    Section("identity/grid.html.jinja", _figures, applies=lambda found: bool(found.grid)),
    Section(
        "identity/roc.html.jinja",
        lambda found: {
            "roc": svg(
                identity_roc_figure(found, people_curves(found.lines)), "roc", "ROC curves of target and controls"
            )
        },
        applies=lambda found: bool(people_curves(found.lines)),
    ),
    Section("identity/people.html.jinja", _people),
)
_TOLD: tuple[Section[IdentityFindings], ...] = (
    Section("identity/cost.html.jinja"),
    Section("identity/limits.html.jinja"),
    Section("provenance.html.jinja", _provenance),
)
