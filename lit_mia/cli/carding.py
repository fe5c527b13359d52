"""The command that prints a finished audit as the section of a model card."""

from collections.abc import Sequence
from pathlib import Path

from jsonargparse import ArgumentParser

from lit_mia.audits.base import load_result
from lit_mia.errors import CommandError
from lit_mia.files import write_whole
from lit_mia.report.helping import description
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
    _write(Path(options.output).expanduser(), text)


def parser(command: str) -> ArgumentParser:
    """Its parser.

    Args:
        command: `card`.
    """
    made = ArgumentParser(prog=f"lit-mia {command}", description=description(card))
    made.add_argument("folder", type=str, help="Output folder of an audit of records.")
    made.add_argument("--output", type=str | None, help="A file to write instead of printing.")
    return made


def _write(file: Path, text: str) -> None:
    """Write the section, in the place of an earlier one only: a model card has more in it.

    Raises:
        CommandError: If the file holds something else, or cannot be written.
    """
    title = text.partition("\n")[0]
    try:
        if file.is_file() and not file.read_bytes().startswith(title.encode()):
            raise CommandError(
                f"`--output {file}` would take the place of what that file holds. Give another file, or add the "
                "section to it yourself: without `--output` it is printed."
            )
        write_whole(file, text)
    except (OSError, ValueError) as error:  # the latter of a path without a name, such as `.`
        raise CommandError(f"`--output` cannot be written: {error}. Give another file.") from error
