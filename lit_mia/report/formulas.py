"""Text in CSV files that a spreadsheet would take for a formula, and run: it is written behind an apostrophe."""

import re
from typing import Any

_FORMULA = re.compile(r"'*[=+\-@\t\r]")


def guarded(value: Any) -> Any:
    """A cell as it is written: text that begins like a formula behind an apostrophe, anything else as it is.

    OWASP, "CSV Injection". What a spreadsheet does to a cell must not depend on who named a record or a person.
    """
    return f"'{value}" if isinstance(value, str) and _FORMULA.match(value) else value


def plain(text: str) -> str:
    """The text that `guarded` wrote."""
    return text[1:] if text.startswith("'") and _FORMULA.match(text) else text
