"""The page of an identity audit, in the look of the other audits' page."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from PIL import Image

from lit_mia.metrics.identity import Rate
from lit_mia.records import MEMBER, NON_MEMBER
from lit_mia.report import cells
from lit_mia.report.html import data_url, page_environment, yaml_text
from lit_mia.report.identity_schema import IdentityReport
from lit_mia.report.people import PersonLine, people_curves

_TONES = {
    "identities recognised": "leakage",
    "not evidence": "no-evidence",
    "confounded": "confounded",
    "not detected": "not-detected",
    "not measured": "not-detected",
}
_LABELS = {MEMBER: "trained on", NON_MEMBER: "never trained on"}


@dataclass(frozen=True)
class Portrait:
    """A picture of a person, on the page only where it was asked for."""

    name: str
    image: Image.Image


def identity_page(
    report: IdentityReport, lines: Sequence[PersonLine], portraits: Sequence[Portrait] | None = None
) -> str:
    """The page as one HTML document.

    Args:
        report: The numbers.
        lines: What was read about single people.
        portraits: Images to embed; none by default.
    """
    environment = page_environment()
    environment.filters["rate"] = rate_cell
    own = [line for line in lines if line.row == "target"]
    templates = {line.name: line.templates for line in own}
    return environment.get_template("identity.html.jinja").render(
        report=report,
        tone=next(tone for start, tone in _TONES.items() if report.verdict["kind"].startswith(start)),
        target=report.rows[0],
        first=report.rows[0].points[0],
        largest=report.setting["images"][-1],
        people=sorted(own, key=lambda line: (-line.templates, -line.margin, line.name)),
        label=lambda member: _LABELS.get(member, "unknown"),
        recognised=sum(line.recognised[report.setting["thresholds"][0]] >= 0.5 for line in own),
        p_value=lambda p: cells.p_value(p) or "not tested",
        config=yaml_text(report.to_dict()["config"]),
        portraits=[
            {"name": p.name, "templates": templates.get(p.name, 0.0), "image": data_url(p.image)}
            for p in portraits or []
        ],
        **_figures(report, lines),
    )


def rate_cell(rate: Rate | None) -> str:
    """A rate with its interval: `84.0 [76.0, 91.0] %`; None → a dash."""
    return cells.NOTHING if rate is None else f"{100 * rate.value:.1f} {cells.percent_interval(rate.ci)}"


def _figures(report: IdentityReport, lines: Sequence[PersonLine]) -> dict[str, Any]:
    from markupsafe import Markup

    from lit_mia.report.identity_plots import heat_figure, identity_roc_figure, images_figure, occurrences_figure
    from lit_mia.report.plots import svg

    rocs = people_curves(lines)
    roc = svg(identity_roc_figure(report, rocs), "roc", "ROC curves of target and controls") if rocs else ""
    figures = {"heat": "", "by_images": "", "by_occurrences": "", "roc": roc}
    if report.grid:
        figures |= {
            "heat": svg(heat_figure(report), "heat", "Recognised members by number of images and of training pairs"),
            "by_images": svg(images_figure(report), "images", "Recognised people by number of images"),
            "by_occurrences": svg(occurrences_figure(report), "pairs", "Recognised people by training pairs"),
        }
    return {name: Markup(figure) for name, figure in figures.items()}
