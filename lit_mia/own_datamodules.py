"""The package `datamodules` of this one, where a project has a folder `datamodules` of its own."""

import sys
from importlib.util import find_spec
from pathlib import Path

from lit_mia.errors import PackageError

NAME = "datamodules"
OWN = Path(__file__).parent.parent / NAME


def prefer() -> None:
    """Put the folders where Python finds another package of that name behind all others.

    For a process that is this package's own, such as a command: what else is in these folders is still found.
    """
    while (found := _foreign()) is not None:
        before = [entry for entry in sys.path if Path(entry).resolve() == found.parent.resolve()]
        if not before or sys.path[-len(before) :] == before:
            return
        sys.path[:] = [*(entry for entry in sys.path if entry not in before), *before]


def check() -> None:
    """Refuse another package in the place of this one's, before it is taken for that.

    Raises:
        PackageError: If Python finds another one.
    """
    found = _foreign()
    if found is not None:
        raise PackageError(
            f"Python finds {found} where lit-mia needs its own `{NAME}`, {OWN}. Start the notebook or script in "
            f"another folder, take {found.parent} out of PYTHONPATH, or rename {found.name}. Commands (`lit-mia`, "
            "`python -m lit_mia`) find their own."
        )


def _foreign() -> Path | None:
    """Where another package or module of that name is, if Python finds it first."""
    spec = find_spec(NAME)
    if spec is None:
        return None
    place = Path(next(iter(spec.submodule_search_locations or [str(spec.origin)])))
    return None if place.resolve() == OWN.resolve() else place
