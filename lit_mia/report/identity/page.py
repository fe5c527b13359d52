"""The page of an identity audit."""

from collections.abc import Sequence
from typing import Any

from lit_mia.report.base import Picture
from lit_mia.report.identity.columns import halves_table, identity_table
from lit_mia.report.identity.people import people_curves, people_table
from lit_mia.report.identity.plots import heat_figure, identity_roc_figure, images_figure, occurrences_figure
from lit_mia.report.identity.schema import IDENTITY_SCHEMA, IdentityFindings
from lit_mia.report.page import Section, pictures_section, render_page, yaml_text
from lit_mia.report.style import svg
from lit_mia.report.words import p_value

_TONES = {
    "identities recognised": "leakage",
    "not evidence": "no-evidence",
    "confounded": "confounded",
    "not detected": "not-detected",
    "not measured": "not-detected",
}


def identity_page(found: IdentityFindings, pictures: Sequence[Picture]) -> str:
    """The page as one HTML document.

    Args:
        found: The numbers.
        pictures: Images to embed.
    """
    kind = found.verdict["kind"]
    tone = next(tone for start, tone in _TONES.items() if kind.startswith(start))
    shown: Section[IdentityFindings] = pictures_section(pictures, "Pictures", "One picture of each person.")
    return render_page(found, f"{found.name} · identity audit", tone, (*_MEASURED, shown, *_TOLD))


def _figures(found: IdentityFindings) -> dict[str, Any]:
    from markupsafe import Markup

    return {
        "heat": Markup(svg(heat_figure(found), "heat", "Recognised members by number of images and of training pairs")),
        "by_images": Markup(svg(images_figure(found), "images", "Recognised people by number of images")),
        "by_occurrences": Markup(svg(occurrences_figure(found), "pairs", "Recognised people by training pairs")),
        **{f"trend_{name}": p_value(found.trends[name]) or "not tested" for name in ("images", "occurrences")},
    }


def _curves(found: IdentityFindings) -> dict[str, Any]:
    from markupsafe import Markup

    figure = identity_roc_figure(found, people_curves(found.lines))
    return {"roc": Markup(svg(figure, "roc", "ROC curves of target and controls"))}


def _people(found: IdentityFindings) -> dict[str, Any]:
    own = [line for line in found.lines if line.row == "target"]
    recognised = sum(line.recognised[found.setting["thresholds"][0]] >= 0.5 for line in own)
    return {"table": people_table(own), "people": len(own), "recognised": recognised}


def _provenance(found: IdentityFindings) -> dict[str, Any]:
    left_out = {"People skipped": found.skipped, "Unreadable images": found.unreadable}
    return {
        "config": yaml_text(found.to_dict()["config"]),
        "details": {
            **{f"Model: {row.name}": row.model for row in found.rows},
            **{title: people for title, people in left_out.items() if people},
        },
        "digests": {
            "pool": found.pool_digest,
            "people": found.people_digest,
            "git": found.git or "none",
            "schema": IDENTITY_SCHEMA,
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
    Section("identity/roc.html.jinja", _curves, applies=lambda found: bool(people_curves(found.lines))),
    Section("identity/people.html.jinja", _people),
)
_TOLD: tuple[Section[IdentityFindings], ...] = (
    Section("identity/cost.html.jinja"),
    Section("identity/limits.html.jinja"),
    Section("provenance.html.jinja", _provenance),
)
