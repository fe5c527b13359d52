"""The self-contained page `report.html`: no script, no request, nothing from outside the file."""

import base64
import io
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from PIL import Image

from lit_mia.errors import ReportError
from lit_mia.records import MEMBER, NON_MEMBER
from lit_mia.report import cells
from lit_mia.report.fidelity import distance_rows, fidelity_notes
from lit_mia.report.gallery import GalleryItem
from lit_mia.report.refused import unequal_refusals
from lit_mia.report.schema import AuditReport, Row
from lit_mia.report.scores import ScoreTable, curves

if TYPE_CHECKING:
    from jinja2 import Environment

_VERDICTS = {
    "leakage": "leakage",
    "not evidence": "no-evidence",
    "confounded": "confounded",
    "tool failure": "tool-failure",
    "not detected": "not-detected",
}
_LABELS = {MEMBER: "member", NON_MEMBER: "non-member"}


def html_page(report: AuditReport, scores: ScoreTable, gallery: Sequence[GalleryItem] | None = None) -> str:
    """The page as one HTML document.

    Args:
        report: The numbers.
        scores: Scores of single records, for the curves.
        gallery: Images to embed; none by default.

    Raises:
        ReportError: If a row of the report has no scores.
    """
    return page_environment().get_template("template.html.jinja").render(_context(report, scores, gallery))


def page_environment() -> "Environment":
    """What pages are rendered with: escaped, strict, and with the formats of numbers as filters."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("lit_mia.report", ""),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "number": cells.number,
        "signed": cells.signed,
        "interval": cells.interval,
        "percent": cells.percent,
        "percent_interval": cells.percent_interval,
        "duration": cells.duration,
        "count": cells.count,
        "variable": lambda kind: kind.replace(" ", "-"),
    }
    return environment


def _context(report: AuditReport, scores: ScoreTable, gallery: Sequence[GalleryItem] | None) -> dict[str, Any]:
    attacks = [row for row in report.rows if row.kind == "attack"]
    return {
        "report": report,
        "verdict": next((key for start, key in _VERDICTS.items() if report.verdict["kind"].startswith(start)), "other"),
        "blocks": [[(row, cells.cells(row)) for row in block] for block in cells.blocks(report)],
        "attacks": attacks,
        "top": max((row for row in attacks if row.delta_auc is not None), key=_delta, default=None),
        "levels": cells.fpr_levels(report),
        "given_levels": len({p["fpr"] for row in report.rows for p in row.tpr_at_fpr if p["tpr"] is not None}),
        "floor": cells.fpr_floor(report),
        "statement": cells.statement(report),
        "protocol_note": cells.protocol_note(report),
        "footnotes": cells.footnotes(report, cells.fpr_levels(report)),
        "charge_notes": cells.charge_notes(report),
        "unequal_refusals": unequal_refusals(report.refused),
        "config": yaml_text(report.to_dict()["config"]),
        "fidelity": report.fidelity,
        "distances": distance_rows(report.fidelity) if report.fidelity else [],
        "fidelity_notes": fidelity_notes(report.fidelity) if report.fidelity else [],
        "gallery": [_picture(item) for item in gallery or []],
        **_figures(report, scores),
    }


def _delta(row: Row) -> float:
    return row.delta_auc or 0.0


def _figures(report: AuditReport, scores: ScoreTable) -> dict[str, Any]:
    from markupsafe import Markup

    from lit_mia.report.plots import family_roc_figure, forest_figure, roc_figure, svg

    rocs = curves(scores)
    missing = [row.name for row in report.rows if row.name not in rocs]
    if missing:
        raise ReportError(f"There are no combined test scores for {missing}. Are all files of one audit?")
    forest = svg(forest_figure(report), "forest", "AUC with 95 % interval of every attack and control")
    attacks = list(dict.fromkeys(row.attack for row in report.rows))
    title = "Log–log ROC curves of all attacks"
    family = svg(family_roc_figure(report, rocs), "family", title) if len(attacks) > 1 else ""
    panels = [
        svg(roc_figure(report, rocs, [name]), f"roc{i}", f"Log–log ROC curves of attack {name} and its controls")
        for i, name in enumerate(attacks)
    ]
    return {"forest": Markup(forest), "family": Markup(family), "panels": [Markup(panel) for panel in panels]}


def yaml_text(config: dict[str, Any]) -> str:
    """A configuration as YAML."""
    import yaml

    text: str = yaml.safe_dump(config, sort_keys=False, allow_unicode=True, width=100)
    return text


def _picture(item: GalleryItem) -> dict[str, str]:
    return {
        "caption": item.caption,
        "label": _LABELS.get(item.label, "unknown"),
        "score": cells.signed(item.score),
        "image": data_url(item.image),
        "generated": data_url(item.generated),
    }


def data_url(image: Image.Image) -> str:
    """The image as a PNG inside its address."""
    buffer = io.BytesIO()
    image.convert("RGB").save(buffer, format="PNG")
    return f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}"
