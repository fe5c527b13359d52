"""What a sweep of training-free attacks measured."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self, final

from lit_mia.errors import ReportError
from lit_mia.report.base import Writer
from lit_mia.report.columns import Place, Table, values_of
from lit_mia.report.exploration import Exploration, read_fields, shared_fields
from lit_mia.report.sweep.columns import COLUMNS, sweep_table
from lit_mia.report.sweep.plot import sweep_figure
from lit_mia.report.sweep.rows import SweepRow
from lit_mia.report.tables import write_csv

if TYPE_CHECKING:
    from lightning.pytorch.loggers import WandbLogger
    from matplotlib.figure import Figure

TABLE, PLOT = "sweep.csv", "sweep.png"


@final
@dataclass(frozen=True, kw_only=True)
class SweepResult(Exploration):
    """What a sweep measured, and where the numbers come from.

    Attributes:
        rows: All settings of all attacks, in their order.
        target: Fingerprint of the target.
        hashes: Of the splits and of the answers.
    """

    schema: ClassVar[str] = "lit-mia/sweep/1"
    title: ClassVar[str] = "Sweep"
    deed: ClassVar[str] = "Training-free attacks were measured at many settings"
    rows: tuple[SweepRow, ...]
    target: dict[str, Any]
    hashes: dict[str, str]

    @classmethod
    def load(cls, folder: Path, numbers: Mapping[str, Any]) -> Self:
        """The result in a folder, from `audit.json` alone."""
        try:
            rows = tuple(read_fields(SweepRow, row) for row in numbers["rows"])
            return cls(**shared_fields(numbers), rows=rows, target=numbers["target"], hashes=numbers["hashes"])
        except (KeyError, TypeError) as error:
            raise ReportError(f"The sweep in {folder} lacks a number ({error!r}). Run it again.") from error

    def measured(self) -> dict[str, Any]:
        """All rows, and where they come from; name, kind and interval of a row as audits of any kind have them."""
        rows = [
            {"name": row.attack, "kind": "attack", **asdict(row), "auc_ci": [row.auc_lo, row.auc_hi]}
            for row in self.rows
        ]
        return {"rows": rows, "target": self.target, "hashes": self.hashes}

    def details(self) -> dict[str, Mapping[str, Any]]:
        """The target."""
        return {"Target": self.target}

    def digests(self) -> dict[str, str]:
        """Hashes of splits and answers."""
        return self.hashes

    def table(self, place: Place) -> Table:
        """All settings, attack by attack."""
        return sweep_table(self.rows, place)

    def figure(self) -> "Figure":
        """AUC against each swept argument."""
        return sweep_figure(self.rows, self.counts)

    def files(self) -> dict[str, Writer]:
        """Table and figure."""
        return {TABLE: partial(write_csv, values_of(COLUMNS, self.rows, "csv")), PLOT: self.write_figure}

    def log(self, logger: "Callable[..., WandbLogger]") -> None:
        """Log table and figure as one run, and end it."""
        import wandb

        run = logger().experiment
        run.config.update({"sweep": self.origin.config, **self.hashes, "target": self.target}, allow_val_change=True)
        values = values_of(COLUMNS, self.rows, "wandb")
        table = wandb.Table(columns=list(values), data=[list(line) for line in zip(*values.values(), strict=True)])
        run.log({"sweep": table, "areas": wandb.Image(self.figure())})
        run.finish()
