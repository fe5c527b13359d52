"""Where people under question come from."""

from abc import ABC, abstractmethod

from lit_mia.people import People


class PeopleSource(ABC):
    """Something that yields a table of people."""

    @abstractmethod
    def load(self) -> People:
        """The table. Images stay unopened until they are asked for."""

    def names_in_pool(self) -> tuple[str, ...]:
        """Further names that must be in the pool of names."""
        return ()
