"""The files of an audit: written together, and the page rebuilt from the others."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path

from lit_mia.report.gallery import GalleryItem
from lit_mia.report.html import html_page
from lit_mia.report.schema import AuditReport, load_json, save_json
from lit_mia.report.scores import ScoreTable, read_scores, write_roc, write_scores

AUDIT, SCORES, ROC, PAGE = "audit.json", "scores.parquet", "roc.csv", "report.html"


def write_report(
    report: AuditReport, scores: ScoreTable, output_dir: Path, gallery: Sequence[GalleryItem] | None = None
) -> Path:
    """Write `audit.json`, `scores.parquet`, `roc.csv` and `report.html`, each whole or not at all.

    Args:
        report: The numbers.
        scores: Scores of single records.
        output_dir: Folder of the files; made if missing.
        gallery: Images to show on the page. Raw records leave the machine with the page: none by default.

    Returns:
        Path of the page.
    """
    output_dir.mkdir(parents=True, exist_ok=True)
    _replace(output_dir / AUDIT, lambda path: save_json(report, path))
    _replace(output_dir / SCORES, lambda path: write_scores(scores, path))
    _replace(output_dir / ROC, lambda path: write_roc(scores, path))
    return _write_page(report, scores, output_dir, gallery)


def rebuild(output_dir: Path, gallery: Sequence[GalleryItem] | None = None) -> Path:
    """Write `report.html` anew from `audit.json` and `scores.parquet`.

    Args:
        output_dir: Folder of a finished audit.
        gallery: Images to show on the page; without them the page has none, whatever it had before.

    Returns:
        Path of the page.

    Raises:
        ReportError: If one of the two files is missing or of an unknown schema.
    """
    return _write_page(load_json(output_dir / AUDIT), read_scores(output_dir / SCORES), output_dir, gallery)


def _write_page(
    report: AuditReport, scores: ScoreTable, output_dir: Path, gallery: Sequence[GalleryItem] | None
) -> Path:
    page = html_page(report, scores, gallery)
    path = output_dir / PAGE
    _replace(path, lambda temporary: temporary.write_text(page, encoding="utf-8"))
    return path


def _replace(path: Path, write: Callable[[Path], object]) -> None:
    """Write beside `path`, then take its place in one step, so that a crash leaves the old file."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        write(temporary)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
