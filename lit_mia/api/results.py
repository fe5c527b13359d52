"""A finished audit in Python."""

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, final

from lightning.pytorch.loggers import WandbLogger
from rich.console import RenderableType

from lit_mia.api.places import place, write_to
from lit_mia.api.shown import Shown, data_frame, let_notebooks_draw
from lit_mia.audits.base import load_result
from lit_mia.blocks import dumps
from lit_mia.errors import FolderError, ReportError, TrackingError
from lit_mia.folders import check_writable
from lit_mia.report.base import NUMBERS, Result
from lit_mia.report.tracking import told_in_one_line

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from pandas import DataFrame


@dataclass(frozen=True)
class Verdict:
    """What an audit ends in.

    Attributes:
        kind: For instance `leakage beyond controls` or `not detected at this power`.
        sentence: The same in plain English, with what it does not exclude.
    """

    kind: str
    sentence: str

    def __str__(self) -> str:
        return f"{self.kind}. {self.sentence}"


@final
class AuditResult(Shown):
    """What an audit of any kind found; `lit_mia.audit` returns it and `lit_mia.load` reads it from its folder.

    Args:
        result: The numbers.
        folder: Where its files are.

    Attributes:
        place: The same from the root on, wherever the process goes.
    """

    def __init__(self, result: Result, folder: Path) -> None:
        self.result, self.folder, self.place = result, folder, folder.resolve()
        self._written = (folder / NUMBERS).read_bytes()

    @property
    def verdict(self) -> Verdict:
        """What the audit ends in."""
        return Verdict(**self.result.numbers()["verdict"])

    @property
    def numbers(self) -> dict[str, Any]:
        """All numbers, as the values of `audit.json` (docs/audit_json.md says what they mean)."""
        return self.result.numbers()

    def table(self) -> "DataFrame":
        """Attacks and controls, one row each; AUCs in [0, 1], with the ends of their 95 % intervals."""
        return data_frame(self.result.columns())

    def plot_roc(self) -> "Figure":
        """The ROC curves: of each attack with its controls.

        Raises:
            ReportError: If an audit of this kind has none.
        """
        figures = self.result.figures()
        if "roc" not in figures:
            raise ReportError(f"An audit with the numbers {self.result.schema} has no ROC curves.")
        let_notebooks_draw()
        return figures["roc"]

    def save(self, folder: str | Path) -> Path:
        """Write everything into another folder: numbers, scores, tables, page, config and trained heads.

        Args:
            folder: Made if it is missing; the audit's own files in it are replaced.

        Returns:
            Path of the page.

        Raises:
            FolderError: If it cannot be written, or is inside that of the audit.
            ReportError: If the folder of the audit holds another one by now, or none.
        """
        to, own = place(folder, "folder"), self.place
        self._check_there()
        if to.resolve() != own:
            if to.resolve().is_relative_to(own):
                raise FolderError(f"{to} is inside {self.folder}, the folder of the audit. Give one outside of it.")
            check_writable(to)
            shutil.copytree(own, to, dirs_exist_ok=True)
        return self.result.save_page(to)

    def log(self, logger: WandbLogger | Callable[..., WandbLogger]) -> None:
        """Send numbers, tables and plots to Weights & Biases as one run, which ends with it; never images of records.

        Args:
            logger: A logger, or what makes one.

        Raises:
            TrackingError: If it is something else, or its run has ended, or cannot begin.
        """
        with told_in_one_line(f"The audit is kept in {self.folder}. A logger is one run, so each audit needs its own."):
            self.result.log(lambda **named: _run_of(logger, named))

    def to_yaml(self, path: str | Path | None = None) -> str:
        """The config of the audit, defaults filled in, as YAML that `Audit.from_yaml` and `lit-mia audit` read.

        Args:
            path: Where it is written as well; nowhere if not given.
        """
        text = dumps(self.result.numbers()["config"])
        if path is not None:
            write_to(path, text)
        return text

    def terminal(self) -> RenderableType:
        """The table, its footnotes and the verdict, as the command prints them."""
        return self.result.terminal()

    def page(self) -> str:
        """See `Shown`."""
        return self.result.page()

    def _check_there(self) -> None:
        file = self.place / NUMBERS
        if not file.is_file() or file.read_bytes() != self._written:
            raise ReportError(
                f"{self.place} no longer holds this audit: another one was written there, or the folder was moved. Run "
                "the audit again, with an `output` of its own."
            )

    def __repr__(self) -> str:
        return f"<AuditResult {self.verdict.kind!r} in {self.folder}>"


def _run_of(given: object, named: Mapping[str, Any]) -> WandbLogger:
    is_other = isinstance(given, type) and not issubclass(given, WandbLogger)
    made = given(**named) if callable(given) and not is_other else given
    if not isinstance(made, WandbLogger):
        raise TrackingError(f"`logger` must be a `WandbLogger`, or what makes one, but is {given!r}.")
    return made


def load(folder: str | Path) -> AuditResult:
    """A finished audit of any kind from its folder.

    Args:
        folder: What `lit_mia.audit` or `lit-mia audit` wrote, e.g. `runs/quickstart`.

    Raises:
        ReportError: If there is none, or this version does not read it.

    Example:
        ```python
        lit_mia.load("runs/quickstart").verdict
        ```
    """
    where = place(folder, "folder")
    return AuditResult(load_result(where), where)
