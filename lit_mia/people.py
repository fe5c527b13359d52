"""The vocabulary of identity inference: people under question."""

from collections.abc import Callable
from dataclasses import dataclass

from PIL import Image


@dataclass(frozen=True)
class People:
    """A table of people under question, one row each.

    Attributes:
        names: Unique, as they stand in captions, e.g. "Ana Petrov".
        members: 1 (the target was trained on pairs that show and name the person), 0 (not) or -1 (unknown).
        occurrences: How many training pairs show the person; None if unknown.
        image_counts: Images at hand per person.
        open_image: Opens an image of a person (person row, image number) as RGB; raises `OSError` if unreadable.
    """

    names: tuple[str, ...]
    members: tuple[int, ...]
    occurrences: tuple[int | None, ...]
    image_counts: tuple[int, ...]
    open_image: Callable[[int, int], Image.Image]
