"""The result of a membership audit: numbers, table, page, W&B."""

from lit_mia.report.membership.evaluation import Evaluation, evaluate
from lit_mia.report.membership.notes import limits_of
from lit_mia.report.membership.protocols import joined
from lit_mia.report.membership.refused import count_refused, unequal_refusals
from lit_mia.report.membership.result import MembershipResult
from lit_mia.report.membership.schema import (
    AuditReport,
    Charged,
    Expense,
    Fidelity,
    ImageSetDistance,
    Refused,
    Spent,
    ToolCheck,
    Tried,
)
from lit_mia.report.membership.scores import COMBINED, Listed, RowScores, Scores, ScoreTable

__all__ = [
    "COMBINED",
    "AuditReport",
    "Charged",
    "Evaluation",
    "Expense",
    "Fidelity",
    "ImageSetDistance",
    "Listed",
    "MembershipResult",
    "Refused",
    "RowScores",
    "ScoreTable",
    "Scores",
    "Spent",
    "ToolCheck",
    "Tried",
    "count_refused",
    "evaluate",
    "joined",
    "limits_of",
    "unequal_refusals",
]
