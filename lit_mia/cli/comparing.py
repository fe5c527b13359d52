"""The command that sets two finished audits side by side."""

from collections.abc import Sequence
from pathlib import Path

from jsonargparse import ArgumentParser
from rich.console import Console

from lit_mia.audits.base import load_result
from lit_mia.audits.comparing import set_side_by_side
from lit_mia.report.comparison.numbers import Comparison
from lit_mia.report.comparison.result import NUMBERS, terminal
from lit_mia.report.comparison.words import findings, verdicts
from lit_mia.report.helping import CommandParser, description
from lit_mia.report.telling import EPILOG, answer


def measure(command: str, args: Sequence[str]) -> Comparison:
    """Compare two finished audits of records: two targets, checkpoints or runs, before and after a defence.

    Nothing is asked and nothing is trained.

    Args:
        command: `compare`.
        args: What follows it.

    Raises:
        LitMiaError: See `set_side_by_side`.
    """
    options = parser(command).parse_args(list(args))
    before, after = (Path(folder).expanduser() for folder in (options.a, options.b))
    output = Path(options.output).expanduser() if options.output else None
    found, page = set_side_by_side((load_result(before), before), (load_result(after), after), output)
    Console().print(terminal(found))
    print(f"\nNumbers: {page.parent / NUMBERS}\nPage:    {page}")
    answer(" ".join([f"{verdicts(found)}.", *findings(found)]), found.to_dict())
    return found


def parser(command: str) -> ArgumentParser:
    """Its parser.

    Args:
        command: `compare`.
    """
    made = CommandParser(prog=f"lit-mia {command}", description=description(measure), epilog=EPILOG)
    made.add_argument("a", type=str, help="Output folder of the audit before.")
    made.add_argument("b", type=str, help="Output folder of the audit after; changes are B minus A.")
    made.add_argument("--output", type=str, help="Folder of the results; `runs/compare_A_B` if not given.")
    return made
