"""What a datamodule gives to heads: named inputs, each made by one function."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from numpy.typing import NDArray

Observed = TypeVar("Observed")
Given = TypeVar("Given")


def nothing_missing(_: object) -> None:
    """An input that can always be made."""


@dataclass(frozen=True)
class Input(Generic[Observed, Given]):
    """Something that heads read, e.g. `image`.

    Attributes:
        name: What heads declare in `inputs`.
        make: Makes it of what was observed, `[n, ...]` for the n records in their order; uint8 arrays are images.
        check: Refuses, before anything is asked, what the datamodule was given if the input cannot be made with it.
    """

    name: str
    make: Callable[[Observed], NDArray[Any]]
    check: Callable[[Given], None] = nothing_missing
