"""Entries of one kind by name, to which a package outside may add its own."""

from collections.abc import Iterable, Iterator
from typing import Generic, Protocol, TypeVar, final

from lit_mia.errors import HeadError, PluginError


class Named(Protocol):
    """Something that is known by a name."""

    @property
    def name(self) -> str:
        """The name, unique in its registry."""


Entry = TypeVar("Entry", bound=Named)


@final
class Registry(Generic[Entry]):
    """Entries in the order in which they were added.

    Args:
        what: What an entry is, for messages.
        entries: Those that come with this package.
    """

    def __init__(self, what: str, entries: Iterable[Entry] = ()) -> None:
        self.what = what
        self._entries: dict[str, Entry] = {}
        for entry in entries:
            self.add(entry)

    def add(self, entry: Entry) -> Entry:
        """Add an entry, and give it back.

        Raises:
            PluginError: If the name is taken.
        """
        if self._entries.setdefault(entry.name, entry) is not entry:
            raise PluginError(f"There are two entries for the {self.what} {entry.name!r}. Rename one of them.")
        return entry

    def __getitem__(self, name: str) -> Entry:
        """The entry of a name.

        Raises:
            PluginError: If there is none.
        """
        if name not in self._entries:
            raise PluginError(
                f"There is no {self.what} {name!r}, only {', '.join(self._entries)}. A package that adds it must be "
                "installed and name its module under the entry points `lit_mia.plugins`."
            )
        return self._entries[name]

    def __contains__(self, name: object) -> bool:
        return name in self._entries

    def __iter__(self) -> Iterator[Entry]:
        return iter(tuple(self._entries.values()))


def named_once(whose: str, what: str, things: Iterable[Named]) -> list[str]:
    """The names of what is asked for, of which there is at least one and each once.

    Args:
        whose: What asks for them, e.g. `A sweep`.
        what: What one of them is, e.g. `attack`.
        things: What it is given.

    Raises:
        HeadError: If there is none, or two have the same name.
    """
    names = [thing.name for thing in things]
    if not names or len(set(names)) < len(names):
        raise HeadError(f"{whose} needs at least one {what}, and each once, but got {names or 'none'}.")
    return names
