"""Terminals and files that cannot hold every character: what is printed is spelled in those that they have."""

import codecs
import io
import sys

SPELLED = str.maketrans("✓✗−–·×→←≈≤≥±…’²³Δ", "yn---x><~<>+.'23d")
"""One character for each, so that tables keep their columns."""
HANDLER = "lit_mia.spelled"


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
