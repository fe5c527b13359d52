"""The options `--quiet` and `--json` of commands that answer: what is said, and where.

A command prints as ever, and then gives its answer in one line and as JSON values; one of the three is shown.
"""

import json
import logging
import os
import sys
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from lit_mia.queries.progress import hidden

QUIET, JSON = "--quiet", "--json"
OPTIONS = {
    QUIET: "Print the answer, in one line, and errors only.",
    JSON: "Print one JSON object only; all else goes to the errors.",
}
"""The options, each with what it does."""
EPILOG = " ".join(f"{option}: {does}" for option, does in OPTIONS.items())
"""The end of the help of a command that has them."""
_HELP = ("-h", "--help", "--print_config")


@dataclass(frozen=True)
class Telling:
    """Where an answer goes.

    Attributes:
        quiet: Whether little is said beside it.
        as_json: Whether it is JSON.
        output: Where it is printed.
    """

    quiet: bool
    as_json: bool
    output: TextIO


_telling: ContextVar[Telling | None] = ContextVar("telling", default=None)


@contextmanager
def telling(args: Sequence[str]) -> Iterator[list[str]]:
    """Take the two options from a command line, and say meanwhile what they leave.

    Args:
        args: The command line. Where it asks for help, that is all that is said.

    Yields:
        The rest of it.
    """
    rest = [arg for arg in args if arg not in OPTIONS]
    if len(rest) == len(args) or any(arg.partition("=")[0] in _HELP for arg in args):
        yield rest
        return
    told = Telling(QUIET in args, JSON in args, sys.stdout)
    before = _telling.set(told)
    try:
        with _silence() if told.quiet else redirect_stdout(sys.stderr):
            yield rest
    finally:
        _telling.reset(before)


def answer(line: str, values: Mapping[str, Any]) -> None:
    """Give the answer of a command, once it has printed all that it has to say.

    Args:
        line: In one line; printed if `--quiet` left nothing else.
        values: As JSON values; printed in place of the line if `--json` asks for them.
    """
    told = _telling.get()
    if told is not None:
        text = json.dumps(values, indent=2, allow_nan=False) if told.as_json else line
        print(text, file=told.output, flush=True)


def say_always(text: str) -> None:
    """Print what `--quiet` leaves too, such as why a gate failed; with `--json` to the errors.

    Args:
        text: The text.
    """
    told = _telling.get()
    print(text, file=None if told is None else sys.stderr if told.as_json else told.output, flush=True)


@contextmanager
def _silence() -> Iterator[None]:
    """Drop what is printed, warned of and told of progress, but no error."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with (
            Path(os.devnull).open("w", encoding="utf-8") as nowhere,
            redirect_stdout(nowhere),
            hidden(),
            warnings.catch_warnings(action="ignore"),
        ):
            yield
    finally:
        logging.disable(before)
