"""What an ablation of trained heads returns."""

from lit_mia.report.ablation.numbers import Head, PointScores, Scores, on_common_records, rows_of, summaries_of
from lit_mia.report.ablation.result import AblationResult
from lit_mia.report.ablation.rows import Label, PointFacts, short

__all__ = [
    "AblationResult",
    "Head",
    "Label",
    "PointFacts",
    "PointScores",
    "Scores",
    "on_common_records",
    "rows_of",
    "short",
    "summaries_of",
]
