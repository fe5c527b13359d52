"""What the help of a command says of it."""

import inspect
import re

_LISTS = re.compile(r"\n\n(?:Args|Attributes|Raises|Returns|Yields):\n")


def description(documented: object) -> str:
    """What a docstring says before it lists arguments and errors, which a command line has its own words for.

    Args:
        documented: A function or a class.
    """
    return _LISTS.split(inspect.getdoc(documented) or "")[0]
