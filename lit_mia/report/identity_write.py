"""The files of an identity audit: written together, and the page rebuilt from the others."""

import json
from collections.abc import Sequence
from pathlib import Path

from lit_mia.errors import ReportError
from lit_mia.files import replacing
from lit_mia.report.identity_html import Portrait, identity_page
from lit_mia.report.identity_schema import IdentityReport, read_identity
from lit_mia.report.people import PersonLine, read_people, write_people, write_people_roc
from lit_mia.report.write import AUDIT, PAGE, ROC

PEOPLE = "people.csv"


def write_identity(
    report: IdentityReport, lines: Sequence[PersonLine], folder: Path, portraits: Sequence[Portrait] | None = None
) -> Path:
    """Write `audit.json`, `people.csv`, `roc.csv` and `report.html`, each whole or not at all.

    Args:
        report: The numbers.
        lines: What was read about single people.
        folder: Folder of the files; made if missing.
        portraits: Images to show on the page; none by default.

    Returns:
        Path of the page.
    """
    text = json.dumps(report.to_dict(), indent=2, ensure_ascii=False, allow_nan=False)
    with replacing(folder / AUDIT) as path:
        path.write_text(text + "\n", encoding="utf-8")
    with replacing(folder / PEOPLE) as path:
        write_people(lines, path)
    with replacing(folder / ROC) as path:
        write_people_roc(lines, path)
    return _write_page(report, lines, folder, portraits)


def rebuild_identity(folder: Path, portraits: Sequence[Portrait] | None = None) -> Path:
    """Write `report.html` anew from `audit.json` and `people.csv`.

    Raises:
        ReportError: If one of the two is missing or of an unknown schema.
    """
    report = read_identity(folder / AUDIT)
    if report is None:
        raise ReportError(f"{folder / AUDIT} holds no identity audit. Give the output folder of one.")
    return _write_page(report, read_people(folder / PEOPLE), folder, portraits)


def _write_page(
    report: IdentityReport, lines: Sequence[PersonLine], folder: Path, portraits: Sequence[Portrait] | None
) -> Path:
    with replacing(folder / PAGE) as path:
        path.write_text(identity_page(report, lines, portraits), encoding="utf-8")
    return folder / PAGE
