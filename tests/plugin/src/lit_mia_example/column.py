"""A column of the report."""

from lit_mia.metrics.roc import roc_curve
from lit_mia.report.columns import Cell
from lit_mia.report.membership.columns import COLUMNS, MembershipColumn
from lit_mia.report.membership.scores import RowEvidence
from lit_mia.report.words import number


def youden(evidence: RowEvidence) -> dict[str, float]:
    """The largest difference of the true and the false positive rate on test."""
    curve = roc_curve(evidence.on(evidence.test), evidence.test.labels)
    return {"youden": float((curve.tpr - curve.fpr).max())}


YOUDEN = COLUMNS.add(
    MembershipColumn(
        name="youden",
        heading="Youden's J",
        short="J",
        write=lambda row: Cell(number(row["youden"])),
        value=lambda row: row["youden"],
        measure=youden,
    )
)
