"""The command that sets two finished audits side by side."""

from collections.abc import Sequence
from pathlib import Path

from jsonargparse import ArgumentParser
from rich.console import Console

from lit_mia.audits.base import load_result
from lit_mia.errors import CommandError
from lit_mia.report.comparison.measuring import compare_audits
from lit_mia.report.comparison.numbers import Comparison
from lit_mia.report.comparison.result import NUMBERS, save, terminal
from lit_mia.report.comparison.words import findings, verdicts
from lit_mia.report.helping import CommandParser
from lit_mia.report.membership import MembershipResult
from lit_mia.report.telling import EPILOG, answer

_DESCRIPTION = """Compare two finished audits of records: two targets, checkpoints or runs, before and after a defence.
Nothing is asked and nothing is trained."""


def measure(command: str, args: Sequence[str]) -> Comparison:
    """Compare two finished audits of records: two targets, checkpoints or runs, before and after a defence.

    Args:
        command: `compare`.
        args: What follows it.

    Raises:
        CommandError: If there are not two folders of membership audits.
    """
    options = parser(command).parse_args(list(args))
    a, b = (Path(folder).expanduser() for folder in (options.a, options.b))
    if a.resolve() == b.resolve():
        raise CommandError(f"`lit-mia {command}` needs two audits, but both folders are {a}.")
    output = Path(options.output or f"runs/{command}_{a.resolve().name}_{b.resolve().name}").expanduser()
    if output.is_file():
        raise CommandError(f"The output {output} is a file, but results are written to a folder. Give another.")
    found = compare_audits(_audit(command, a), _audit(command, b), (a, b))
    page = save(found, output)
    Console().print(terminal(found))
    print(f"\nNumbers: {output / NUMBERS}\nPage:    {page}")
    answer(" ".join([f"{verdicts(found)}.", *findings(found)]), found.to_dict())
    return found


def parser(command: str) -> ArgumentParser:
    """Its parser.

    Args:
        command: `compare`.
    """
    made = CommandParser(prog=f"lit-mia {command}", description=_DESCRIPTION, epilog=EPILOG)
    made.add_argument("a", type=str, help="Output folder of the audit before.")
    made.add_argument("b", type=str, help="Output folder of the audit after; changes are B minus A.")
    made.add_argument("--output", type=str, help="Folder of the results; `runs/compare_A_B` if not given.")
    return made


def _audit(command: str, folder: Path) -> MembershipResult:
    result = load_result(folder)
    if not isinstance(result, MembershipResult):
        raise CommandError(
            f"`lit-mia {command}` compares audits of records, such as audit/quickstart, but {folder} holds "
            f"{result.schema}."
        )
    return result
