"""The whole way of a comparison: two finished audits of records, and what changed written into a folder."""

from pathlib import Path

from lit_mia.errors import CommandError
from lit_mia.folders import check_writable
from lit_mia.report.base import Result
from lit_mia.report.comparison.measuring import compare_audits
from lit_mia.report.comparison.numbers import Comparison
from lit_mia.report.comparison.result import save
from lit_mia.report.membership import MembershipResult

Finished = tuple[Result, Path]
"""What an audit found, and its folder."""


def set_side_by_side(before: Finished, after: Finished, output: Path | None) -> tuple[Comparison, Path]:
    """Compare two audits, and write numbers, figure and page.

    Args:
        before: An audit of records.
        after: Another; changes are this one minus the first.
        output: Folder of the results; `runs/compare_<before>_<after>` if not given.

    Returns:
        What changed, and the path of the page.

    Raises:
        CommandError: If one of them is no audit of records, or both are the same.
        FolderError: If the folder cannot be written.
        ReportError: If they have no attack in common, or a folder holds files of several audits.
    """
    folders = before[1], after[1]
    a, b = (folder.resolve() for folder in folders)
    if a == b:
        raise CommandError(f"A comparison needs two audits, but both folders are {folders[0]}.")
    results = _of_records(*before), _of_records(*after)
    place = output or Path(f"runs/compare_{a.name}_{b.name}")
    check_writable(place)
    found = compare_audits(*results, folders)
    return found, save(found, place)


def _of_records(result: Result, folder: Path) -> MembershipResult:
    if not isinstance(result, MembershipResult):
        raise CommandError(
            f"Comparisons are of audits of records, such as audit/quickstart, but {folder} holds {result.schema}."
        )
    return result
