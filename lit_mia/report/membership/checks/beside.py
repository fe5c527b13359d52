"""Whether the numbers of a membership audit are those of the scores and the curves in its folder."""

import csv
from collections.abc import Iterator, Sequence, Set
from pathlib import Path

import numpy as np

from lit_mia.errors import MetricError, ReportError
from lit_mia.metrics.auc import auc
from lit_mia.metrics.threshold import balanced_threshold, threshold_at_fpr, tpr_at_fpr
from lit_mia.records import MEMBER, NON_MEMBER
from lit_mia.report.forms import Fault
from lit_mia.report.formulas import plain
from lit_mia.report.membership.checks.within import thresholds_of, unequal
from lit_mia.report.membership.schema import AuditReport, Row
from lit_mia.report.membership.scores import COMBINED, ScoreTable, read_scores

SCORES, ROC = "scores.parquet", "roc.csv"


def against_files(report: AuditReport, folder: Path) -> Iterator[Fault]:
    """Every number that the files beside it do not give; files that are not there are not looked at.

    Args:
        report: The numbers.
        folder: Of the files.
    """
    if (folder / SCORES).is_file():
        try:
            yield from against_scores(report, read_scores(folder / SCORES))
        except (ReportError, MetricError, OSError) as error:
            yield Fault(SCORES, str(error))
    if (folder / ROC).is_file():
        try:
            yield from against_curves(report, folder / ROC)
        except (ValueError, KeyError, TypeError, OSError) as error:
            yield Fault(ROC, f"holds no curves ({error!r})")


def against_scores(report: AuditReport, table: ScoreTable) -> Iterator[Fault]:
    """Numbers of rows that the scores of their records do not give.

    Args:
        report: The numbers.
        table: The scores.
    """
    known = (table.label == MEMBER) | (table.label == NON_MEMBER)
    test = table.select((table.split == "test") & known)
    calibration = table.select((table.split == "calibration") & known & (table.seed == COMBINED))
    yield from _strange(SCORES, report, {*test.row.tolist()})
    for i, row in enumerate(report.rows):
        of_row = test.select(test.row == row.name)
        if len(of_row):
            yield from _of_row(f"rows[{i}]", row, of_row)
            yield from _of_thresholds(f"rows[{i}]", row, calibration.select(calibration.row == row.name))


def against_curves(report: AuditReport, path: Path) -> Iterator[Fault]:
    """Areas that the curves do not give.

    Args:
        report: The numbers.
        path: Of the curves.
    """
    points: dict[str, list[tuple[float, float]]] = {}
    with path.open(newline="", encoding="utf-8") as file:
        for line in csv.DictReader(file):
            points.setdefault(plain(line["row"]), []).append((float(line["fpr"]), float(line["tpr"])))
    yield from _strange(ROC, report, points.keys())
    for i, row in enumerate(report.rows):
        if row.name in points:
            fpr, tpr = zip(*points[row.name], strict=True)
            yield from unequal(f"rows[{i}].auc", row["auc"], float(np.trapezoid(tpr, fpr)), ROC)


def _strange(file: str, report: AuditReport, named: Set[str]) -> Iterator[Fault]:
    rows = {row.name for row in report.rows}
    yield from (Fault(file, f"lacks the row {name!r}") for name in sorted(rows - named))
    yield from (Fault(file, f"holds {name!r}, which is no row") for name in sorted(named - rows))


def _of_row(path: str, row: Row, table: ScoreTable) -> Iterator[Fault]:
    combined = table.select(table.seed == COMBINED)
    scores, labels = combined.score, combined.label
    sides = {"n_members": MEMBER, "n_nonmembers": NON_MEMBER}
    for name, side in sides.items():
        yield from unequal(f"{path}.{name}", row[name], int(np.sum(labels == side)), SCORES)
    if not all(np.any(labels == side) for side in sides.values()):
        return
    yield from unequal(f"{path}.auc", row["auc"], auc(scores, labels), SCORES)
    seeds = [table.select(table.seed == seed) for seed in sorted({*table.seed.tolist()} - {COMBINED})]
    yield from _of_seeds(path, row["auc_per_seed"], [auc(of.score, of.label) for of in seeds])
    for i, point in enumerate(row["tpr_at_fpr"]):
        found = tpr_at_fpr(scores, labels, point["fpr"])
        yield from unequal(f"{path}.tpr_at_fpr[{i}].tpr", point["tpr"], found.tpr, SCORES)
        yield from unequal(f"{path}.tpr_at_fpr[{i}].achieved_fpr", point["achieved_fpr"], found.achieved_fpr, SCORES)
    for place, frozen in thresholds_of(row):
        if frozen["threshold"] is not None:
            tpr, fpr = (float(np.mean(scores[labels == side] >= frozen["threshold"])) for side in sides.values())
            yield from unequal(f"{path}.{place}.tpr", frozen["tpr"], tpr, SCORES)
            yield from unequal(f"{path}.{place}.realised_fpr", frozen["realised_fpr"], fpr, SCORES)
    hits, rejections = (
        float(np.mean((scores[labels == side] >= row["threshold"]) == (side == MEMBER)))
        for side in (MEMBER, NON_MEMBER)
    )
    yield from unequal(f"{path}.accuracy", row["accuracy"], (hits + rejections) / 2, SCORES)


def _of_thresholds(path: str, row: Row, calibration: ScoreTable) -> Iterator[Fault]:
    """Every threshold is the one of calibration, and of nothing else."""
    scores, labels = calibration.score, calibration.label
    yield from unequal(f"{path}.threshold", row["threshold"], balanced_threshold(scores, labels), SCORES)
    for place, frozen in thresholds_of(row):
        if frozen["threshold"] is not None:
            should = threshold_at_fpr(scores[labels == NON_MEMBER], frozen["nominal_fpr"])
            yield from unequal(f"{path}.{place}.threshold", frozen["threshold"], should, SCORES)


def _of_seeds(path: str, said: Sequence[float], found: Sequence[float]) -> Iterator[Fault]:
    if len(said) != len(found):
        yield Fault(f"{path}.auc_per_seed", f"{len(said)} seeds, but {SCORES} has {len(found)}")
        return
    for seed, (one, other) in enumerate(zip(said, found, strict=True)):
        yield from unequal(f"{path}.auc_per_seed[{seed}]", one, other, SCORES)
