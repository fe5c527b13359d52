"""What a command says of itself: its help, and what is near to an option that it does not know."""

import inspect
import re
from difflib import get_close_matches
from typing import Any, NoReturn, final

from jsonargparse import ArgumentParser

_LISTS = re.compile(r"\n\n(?:Args|Attributes|Raises|Returns|Yields):\n")
_UNKNOWN = re.compile(r"unrecognized arguments: (--[^\s=]+)|Option '([\w.]+)' is not accepted")
"""How a parser names an option, or a key of a config, that it does not know; not what a parser within it says."""
ALIKE = 0.7
"""How much like an unknown name a known one has to be to be asked about."""


def description(documented: object) -> str:
    """What a docstring says before it lists arguments and errors, which a command line has its own words for.

    Args:
        documented: A function or a class.
    """
    return _LISTS.split(inspect.getdoc(documented) or "")[0]


@final
class CommandParser(ArgumentParser):
    """A parser that takes no option for a longer one, and asks whether a near one was meant.

    Args:
        **settings: Of `ArgumentParser`.
    """

    def __init__(self, **settings: Any) -> None:
        super().__init__(allow_abbrev=False, **settings)

    def error(self, message: str, ex: Exception | None = None) -> NoReturn:
        """See `ArgumentParser`."""
        super().error(message + self._near(message), ex)

    def _near(self, message: str) -> str:
        unknown = _UNKNOWN.match(message)
        if unknown is None:
            return ""
        option, key = unknown.groups()
        known = {name: name if option else name.removeprefix("--") for name in self._option_string_actions}
        near = get_close_matches(option or key, known.values(), 1, ALIKE)
        return f". Did you mean {near[0]}?" if near else ""
