"""The numbers of an ablation, and where they come from."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self, final

from lit_mia.errors import ReportError
from lit_mia.report.ablation.columns import arrow_table, row_columns, summary_blocks, summary_columns
from lit_mia.report.ablation.plot import ablation_figure
from lit_mia.report.ablation.rows import AblationRow, AblationSummary, Label, PointFacts
from lit_mia.report.base import Writer
from lit_mia.report.columns import Place, Table, table_of
from lit_mia.report.exploration import Exploration, read_fields, shared_fields

if TYPE_CHECKING:
    from lightning.pytorch.loggers import WandbLogger
    from matplotlib.figure import Figure

ROWS, ROWS_AS_TEXT, SUMMARY, PLOT = "ablation.parquet", "ablation.csv", "summary.csv", "ablation.png"


@final
@dataclass(frozen=True, kw_only=True)
class AblationResult(Exploration):
    """The numbers of an ablation, and where they come from.

    Attributes:
        axis: The key on the x axis.
        rows: Every attack and blind control at every point.
        summary: Every attack and blind control at every value of the axis.
        baseline: What the differences are taken to; None without differences.
        split_digest: Hash of the splits.
        stores: Hash of the answers of each target, by the first 16 digits of its fingerprint's digest.
        audit: Config of the audit that was varied.
    """

    schema: ClassVar[str] = "lit-mia/ablation/1"
    title: ClassVar[str] = "Ablation"
    deed: ClassVar[str] = (
        "Trained heads and their blind controls were measured at many points of the config of an audit"
    )
    axis: str
    rows: tuple[AblationRow, ...]
    summary: tuple[AblationSummary, ...]
    baseline: Label | None
    split_digest: str
    stores: dict[str, str]
    audit: dict[str, Any]

    @classmethod
    def load(cls, folder: Path, numbers: Mapping[str, Any]) -> Self:
        """The result in a folder, from `audit.json` alone."""
        try:
            own = {name: numbers[name] for name in ("axis", "baseline", "split_digest", "stores", "audit")}
            return cls(
                **shared_fields(numbers),
                **own,
                rows=tuple(map(_row, numbers["rows"])),
                summary=tuple(read_fields(AblationSummary, line) for line in numbers["summary"]),
            )
        except (KeyError, TypeError) as error:
            raise ReportError(f"The ablation in {folder} lacks a number ({error!r}). Run it again.") from error

    def measured(self) -> dict[str, Any]:
        """Rows and summary, and where they come from."""
        rows = [{"name": row.name, **asdict(row), "auc_ci": [row.auc_lo, row.auc_hi]} for row in self.rows]
        return {
            "axis": self.axis,
            "baseline": self.baseline,
            "rows": rows,
            "summary": [asdict(line) for line in self.summary],
            "split_digest": self.split_digest,
            "stores": self.stores,
            "audit": self.audit,
        }

    def details(self) -> dict[str, Mapping[str, Any]]:
        """The answers of each target."""
        return {"Answers of each target": self.stores}

    def digests(self) -> dict[str, str]:
        """Hash of the splits."""
        return {"splits": self.split_digest}

    def table(self, place: Place) -> Table:
        """The summary; a control that the axis does not change is one line."""
        return table_of(
            "Attack",
            summary_columns(self.axis, self.baseline),
            summary_blocks(self.summary),
            place,
            name=lambda line: line.name,
            kind=lambda line: line.kind,
            strong=lambda line: line.kind == "attack",
        )

    def figure(self) -> "Figure":
        """AUC against the axis."""
        return ablation_figure(self.rows, self.summary, self.axis, self.counts)

    def files(self) -> dict[str, Writer]:
        """Rows as Parquet and text, the summary, and the figure."""
        from pyarrow import csv, parquet

        rows = arrow_table(row_columns(self.n_members, self.n_nonmembers), self.rows)
        summary = arrow_table(summary_columns(self.axis, self.baseline), self.summary)
        return {
            ROWS: partial(parquet.write_table, rows),
            ROWS_AS_TEXT: partial(csv.write_csv, rows),
            SUMMARY: partial(csv.write_csv, summary),
            PLOT: self.write_figure,
        }

    def log(self, logger: "Callable[..., WandbLogger]") -> None:
        """Log each point as a run of its own, in one group: its values as config, the AUC of every head as summary."""
        points: dict[str, list[AblationRow]] = {}
        for row in self.rows:
            points.setdefault(", ".join(map(str, row.point.settings.values())), []).append(row)
        for settings, rows in points.items():
            run = logger(name=f"{self.origin.name} {settings}", group=self.origin.name).experiment
            run.config.update(self._settings_of(rows[0].point), allow_val_change=True)
            for row in rows:
                run.summary[f"{'+'.join(self.splits)}/auc/{row.name}"] = row.auc
            run.finish()

    def _settings_of(self, point: PointFacts) -> dict[str, Any]:
        return {
            "point": point.settings,
            "axis": self.axis,
            "n_train": point.n_train,
            "nfe_per_record": point.nfe_per_record,
            "target": point.target,
            "split_digest": self.split_digest,
            "store_digest": self.stores[point.target],
        }


def _row(values: Mapping[str, Any]) -> AblationRow:
    return read_fields(AblationRow, {**values, "point": read_fields(PointFacts, values["point"])})
