"""The command that prints a finished audit as the section of a model card."""

from collections.abc import Sequence
from pathlib import Path

from jsonargparse import ArgumentParser

from lit_mia.audits.base import load_result
from lit_mia.cli.own_files import check_own, write_own
from lit_mia.errors import CommandError
from lit_mia.report.helping import CommandParser, description
from lit_mia.report.membership import MembershipResult
from lit_mia.report.membership.card import card as section


def card(command: str, args: Sequence[str]) -> None:
    """Print the Markdown section for a model card or a data-protection file, with nothing of single records in it.

    Args:
        command: `card`.
        args: What follows it.

    Raises:
        CommandError: If the folder holds an audit of another kind, or `--output` is no file of a section.
    """
    options = parser(command).parse_args(list(args))
    result = load_result(Path(options.folder).expanduser())
    if not isinstance(result, MembershipResult):
        raise CommandError(
            f"`lit-mia {command}` writes a section on an audit of records, such as audit/quickstart. What "
            f"{options.folder} holds, {result.schema}, has no section of a model card; its page is report.html."
        )
    text = section(result.report, result.self_test)
    if options.output is None:
        print(text, end="")
        return
    file = Path(options.output).expanduser()
    check_own(file, text.partition("\n")[0], ", or add the section to it yourself: without `--output` it is printed")
    write_own(file, text)


def parser(command: str) -> ArgumentParser:
    """Its parser.

    Args:
        command: `card`.
    """
    made = CommandParser(prog=f"lit-mia {command}", description=description(card))
    made.add_argument("folder", type=str, help="Output folder of an audit of records.")
    made.add_argument("--output", type=str, help="A file to write instead of printing.")
    return made
