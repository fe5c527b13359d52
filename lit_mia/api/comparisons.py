"""Comparisons of finished audits in Python."""

from os.path import relpath
from pathlib import Path
from typing import TYPE_CHECKING, Any, final

from rich.console import RenderableType

from lit_mia.api.places import place
from lit_mia.api.results import AuditResult, load
from lit_mia.api.shown import Shown, data_frame
from lit_mia.audits.comparing import Finished, set_side_by_side
from lit_mia.report.comparison import result as comparison
from lit_mia.report.comparison.numbers import Comparison

if TYPE_CHECKING:
    from pandas import DataFrame


@final
class ComparisonResult(Shown):
    """What changed from one audit to another.

    Args:
        found: The numbers.
        folder: Where its files are.
    """

    def __init__(self, found: Comparison, folder: Path) -> None:
        self._found, self.folder = found, folder

    @property
    def numbers(self) -> dict[str, Any]:
        """All of it, as the values of `compare.json`."""
        return self._found.to_dict()

    def table(self) -> "DataFrame":
        """Attacks and controls that both audits have: AUC in each, and the change with its 95 % interval."""
        return data_frame([_flat(row) for row in self.numbers["rows"]])

    def terminal(self) -> RenderableType:
        """The table and the findings, as the command prints them."""
        return comparison.terminal(self._found)

    def page(self) -> str:
        """See `Shown`."""
        return comparison.page(self._found)

    def __repr__(self) -> str:
        return f"<ComparisonResult in {self.folder}>"


def compare(
    before: AuditResult | str | Path, after: AuditResult | str | Path, output: str | Path | None = None
) -> ComparisonResult:
    """Set two finished audits of records side by side: two checkpoints, or before and after a defence; asks nothing.

    Args:
        before: An audit, or its folder.
        after: Another; changes are this one minus the first.
        output: Folder of the results; `runs/compare_<before>_<after>` if not given.

    Raises:
        CommandError: If one of them is no audit of records, or both are the same.
        ReportError: If they have no attack in common.

    Example:
        ```python
        changes = lit_mia.compare("runs/before", "runs/after")
        changes.table().query("kind == 'attack'")
        ```
    """
    a, b = (each if isinstance(each, AuditResult) else load(each) for each in (before, after))
    place_of = None if output is None else place(output, "output")
    found, page = set_side_by_side(_finished(a), _finished(b), place_of)
    return ComparisonResult(found, page.parent)


def _finished(of: AuditResult) -> Finished:
    """An audit and its folder as seen from here, wherever the process was when it ran."""
    return of.result, Path(relpath(of.place))


def _flat(row: dict[str, Any]) -> dict[str, Any]:
    change, (lo, hi) = row["change"] or {}, (row["change"] or {}).get("ci") or (None, None)
    return {
        "row": row["name"],
        "kind": row["kind"],
        "auc_before": row["a"]["auc"],
        "auc_after": row["b"]["auc"],
        "change": change.get("delta"),
        "change_lo": lo,
        "change_hi": hi,
        "p_adjusted": change.get("p_adjusted"),
        "finding": change.get("finding"),
    }
