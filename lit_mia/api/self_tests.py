"""Self-tests of audits in Python."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, final

from rich.console import RenderableType

from lit_mia.api.audits import Audit
from lit_mia.api.shown import Shown, data_frame
from lit_mia.audits.base import Run
from lit_mia.audits.self_test.running import Effort, run_self_test
from lit_mia.errors import CommandError, told_as_ours
from lit_mia.folders import check_writable
from lit_mia.report.membership.self_test import terminal as self_test_terminal
from lit_mia.report.membership.self_test_numbers import SelfTest

if TYPE_CHECKING:
    from pandas import DataFrame


@final
class SelfTestResult(Shown):
    """How often the verdict of an audit is wrong on labels drawn anew, and how strong a leak it finds.

    Args:
        found: The numbers.
        folder: Folder of the audit.
    """

    def __init__(self, found: SelfTest, folder: Path) -> None:
        self._found, self.folder = found, folder

    @property
    def numbers(self) -> dict[str, Any]:
        """All of it, as the values of `selftest.json`."""
        return asdict(self._found)

    def table(self) -> "DataFrame":
        """One row for each way of drawing labels: nothing, shifts, and leaks by their strength."""
        return data_frame(self._found.trials)

    def terminal(self) -> RenderableType:
        """The tables, as the command prints them."""
        return self_test_terminal(self._found)

    def page(self) -> None:
        """It has no page of its own: that of the audit shows it."""
        return None

    def __repr__(self) -> str:
        return f"<SelfTestResult in {self.folder}>"


def selftest(
    audit: Audit,
    output: str | Path | None = None,
    *,
    permutations: int = 200,
    planted: int = 40,
    apart: int = 20,
    seeds: int = 1,
    workers: int | None = None,
) -> SelfTestResult:
    """Repeat an audit with labels drawn anew: how often is its verdict wrong, and how strong a leak does it find?

    Asks the model only what the audit itself asks. Goes on where it was cut off.

    Args:
        audit: The audit, as `Audit.of` or `Audit.from_yaml` makes it.
        output: Folder of the audit; `runs/<name>` if not given.
        permutations: Audits with permuted labels, of the attacks that need no network of their own for each.
        planted: Audits of each shift, and of each strength of a leak.
        apart: Audits with permuted labels of all attacks, pixel heads among them.
        seeds: Heads of each attack and control in each audit.
        workers: Processes, of about 2 GB each. One, if the audit names objects that are in the memory of this process
            only; else as many as there are processors, but at most 4, if not given. A script that has several asks for
            the self-test under `if __name__ == "__main__":`, since each process reads the script anew.

    Raises:
        CommandError: If it is no audit of records.
        HeadError: If its labels cannot be drawn anew, or nothing would be tested.

    Example:
        ```python
        planned = lit_mia.Audit.from_yaml("audit/quickstart")
        lit_mia.selftest(planned, permutations=200, planted=0).table()
        ```
    """
    if not isinstance(audit, Audit):
        raise CommandError(
            "Self-tests repeat an audit, as `Audit.of` or `Audit.from_yaml` makes it, but this is "
            f"of the type {type(audit).__name__}."
        )
    if audit.kind != "membership":
        raise CommandError(f"Self-tests are of audits of records, but {audit.name!r} is an audit of {audit.kind}.")
    effort = Effort(permutations, planted, apart, seeds, workers if audit.is_portable else 1)
    folder = audit.folder(output)
    check_writable(folder)
    with told_as_ours():
        found = run_self_test(audit.maker(), Run(audit.name, audit.config, folder), effort)
    return SelfTestResult(found, folder)
