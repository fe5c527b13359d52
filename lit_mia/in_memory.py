"""Objects of this process that configs name, such as a pipeline of a notebook: `memory:` and what it consists of."""

from collections import defaultdict
from itertools import count
from typing import Generic, TypeVar, final
from weakref import WeakValueDictionary

from lit_mia.errors import LitMiaError

PREFIX = "memory:"
T = TypeVar("T")


def is_held(name: str) -> bool:
    """Whether a name in a config stands for an object of the process that made it."""
    return name.startswith(PREFIX)


@final
class Held(Generic[T]):
    """Objects of one kind by their names, for as long as somebody else holds them.

    A name is made of the content of what it stands for, so that a config, and what was answered under it, are never
    taken for those of another object; in another process the name says what is missing.

    Args:
        what: What an object is, for messages.
        way_out: What to give instead, for messages.
        error: What to raise.
    """

    def __init__(self, what: str, way_out: str, error: type[LitMiaError]) -> None:
        self._what, self._way_out, self._error = what, way_out, error
        self._things = defaultdict[str, WeakValueDictionary[int, T]](WeakValueDictionary)
        self._numbers = count()

    def keep(self, digest: str, thing: T) -> str:
        """Remember an object, weakly.

        Args:
            digest: Of all in it that changes an answer.
            thing: The object; another one of the same digest takes its place for as long as it is held.

        Returns:
            Its name in configs.
        """
        name = f"{PREFIX}{digest}"
        self._things[name][next(self._numbers)] = thing
        return name

    def __getitem__(self, name: str) -> T:
        """The object of a name.

        Raises:
            LitMiaError: If this process holds no such object, or no longer.
        """
        things = list(self._things[name].values()) if name in self._things else []
        if not things:
            raise self._error(
                f"{name!r} is a {self._what} that was in the memory of another process, or is there no longer. "
                f"{self._way_out}"
            )
        return things[-1]
