"""The command that makes the page of a finished audit anew."""

import os
import webbrowser
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path

from jsonargparse import ArgumentParser

from lit_mia.audits.base import load_result
from lit_mia.audits.saved_config import saved_audit
from lit_mia.cli.gating import Gate, add_gate
from lit_mia.report.base import NUMBERS, Picture
from lit_mia.report.helping import CommandParser, description
from lit_mia.report.telling import EPILOG, answer, say_always


def report(command: str, args: Sequence[str]) -> None:
    """Rebuild the page of a finished audit of any kind from its files.

    Args:
        command: `report`.
        args: What follows it.
    """
    options = parser(command).parse_args(list(args))
    gate, folder = Gate.of(options), Path(options.folder).expanduser()
    result = load_result(folder)
    gate.check_kind(result)
    gate.check_numbers(folder / NUMBERS)
    pictures: Sequence[Picture] = ()
    if options.gallery:
        with saved_audit(folder, result) as audit:
            pictures = audit.pictures(result)
    page = result.save_page(folder, pictures)
    print(page)
    answer(result.line(), result.numbers())
    if options.open:
        _open(page)
    gate.close(result)


def parser(command: str) -> ArgumentParser:
    """Its parser.

    Args:
        command: `report`.
    """
    made = CommandParser(prog=f"lit-mia {command}", description=description(report), epilog=EPILOG)
    made.add_argument("folder", type=str, help="Output folder of an audit.")
    made.add_argument("--gallery", action="store_true", help="Add images, from the audit's records and store.")
    made.add_argument("--open", action="store_true", help="Open the page in the browser.")
    add_gate(made)
    return made


def _open(page: Path) -> None:
    """Open a page in the browser; where there is none, say where it is."""
    with nullcontext() if os.isatty(1) else _output_to_errors():
        opened = webbrowser.open_new_tab(page.resolve().as_uri())
    if not opened:
        say_always(f"There is no browser here to open {page} in. Copy the file, which needs no other, to where one is.")


@contextmanager
def _output_to_errors() -> Iterator[None]:
    """Send to the errors what another program prints meanwhile, which belongs to no file of ours."""
    output = os.dup(1)
    os.dup2(2, 1)
    try:
        yield
    finally:
        os.dup2(output, 1)
        os.close(output)
