"""What a membership audit found: the numbers of its rows, and the scores of single records."""

from dataclasses import dataclass

from lit_mia.errors import ReportError
from lit_mia.metrics.roc import Roc
from lit_mia.report.membership.columns import is_attack
from lit_mia.report.membership.schema import AuditReport, Row
from lit_mia.report.membership.scores import ScoreTable, curves


@dataclass(frozen=True, eq=False)
class Content:
    """Numbers and scores.

    Attributes:
        report: What `audit.json` holds.
        scores: Scores of single records.
    """

    report: AuditReport
    scores: ScoreTable

    @property
    def attacks(self) -> list[Row]:
        """The rows of attacks."""
        return [row for row in self.report.rows if is_attack(row)]

    def curves(self) -> dict[str, Roc]:
        """The exact ROC curve of every row.

        Raises:
            ReportError: If a row of the report has no scores.
        """
        rocs = curves(self.scores)
        missing = [row.name for row in self.report.rows if row.name not in rocs]
        if missing:
            raise ReportError(f"There are no combined test scores for {missing}. Are all files of one audit?")
        return rocs
