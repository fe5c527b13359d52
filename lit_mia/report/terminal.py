"""Where a process reads and prints: what is closed leads nowhere, and what a file cannot hold is spelled otherwise."""

import codecs
import io
import os
import sys
from pathlib import Path

SPELLED = str.maketrans("✓✗−–·×→←≈≤≥±…’²³Δ", "yn---x><~<>+.'23d")
"""One character for each, so that tables keep their columns."""
HANDLER = "lit_mia.spelled"


def open_closed() -> None:
    """Let input, output and errors that are closed lead nowhere.

    Else what is opened next would have their number, the lowest that is free, and be written over by what is printed.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open(mode, encoding="utf-8"))  # noqa: SIM115


def spell_unprintable() -> None:
    """Let the output and the errors of this process never fail over a character, whatever their encoding is."""
    codecs.register_error(HANDLER, _spelled)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=HANDLER)


def _spelled(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    spelled = error.object[error.start : error.end].translate(SPELLED)
    return "".join(char if char.isascii() else "?" for char in spelled), error.end
