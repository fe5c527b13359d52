"""A world of invented people whose presence in a training set is known: the demo of identity inference.

Some people are in question: a shuffle decides which half of them is shown in training, 1 to 25 times, and which never.
Background people are shown too but are not in question.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from lit_mia.shadow.faces import draw_faces

CAPTIONS = (
    "a photo of {}",  # the only one that is also a template of the attack
    *("a portrait of {}", "{} smiles", "here is {}", "this picture shows {}", "my friend {}"),
)
FIRST_HELD_OUT = 1000  # images from this number on are never trained on
ONSETS = ("b", "br", "d", "dr", "f", "g", "gl", "h", "j", "k", "kl", "l", "m", "n", "p", "q", "r", "s", "t", "v", "z")
VOWELS = ("a", "e", "i", "o", "u", "ai", "ou")
CODAS = ("", "", "k", "l", "n", "r", "sk", "x")


@dataclass(frozen=True)
class Cohort:
    """People in question, then background people.

    Attributes:
        seed: Seed of faces, names and captions.
        names: One per person.
        occurrences: Training pairs of each person; 0 for people who were never shown.
        questioned: How many people are in question; the others are background.
        unused: Further names that belong to nobody.
    """

    seed: int
    names: tuple[str, ...]
    occurrences: tuple[int, ...]
    questioned: int
    unused: tuple[str, ...]

    def images(self) -> NDArray[np.uint8]:
        """The training images, `[pairs, 32, 32, 3]`."""
        people, numbers = zip(*self._pairs(), strict=True)
        return draw_faces(self.seed, people, numbers)

    def captions(self, names: Sequence[str] | None = None) -> list[str]:
        """The captions of the training images.

        Args:
            names: What each person is called in them, instead of the own name.
        """
        called = self.names if names is None else names
        template = {pair: np.random.default_rng((self.seed, 1, *pair)).choice(CAPTIONS) for pair in self._pairs()}
        return [str(text).format(called[person]) for (person, _), text in template.items()]

    def held_out(self, person: int, images: int) -> NDArray[np.uint8]:
        """Images of a person that no training set has, `[images, 32, 32, 3]`."""
        return draw_faces(self.seed, [person] * images, range(FIRST_HELD_OUT, FIRST_HELD_OUT + images))

    def permuted_names(self) -> tuple[str, ...]:
        """Names passed on inside each group of people with as many pairs, so that nobody shown keeps the own name.

        How often each name and each face occurs stays as it is: only the link between them is broken.
        """
        draw, called = np.random.default_rng((self.seed, 2)), list(self.names)
        for k in sorted(set(self.occurrences) - {0}):
            group = draw.permutation([p for p, count in enumerate(self.occurrences) if count == k])
            for person, other in zip(group, np.roll(group, 1), strict=True):
                called[person] = self.names[other]
        return tuple(called)

    def _pairs(self) -> list[tuple[int, int]]:
        return [(person, image) for person, count in enumerate(self.occurrences) for image in range(count)]


@cache
def draw_cohort(
    seed: int,
    swapped: bool = False,
    levels: tuple[int, ...] = (1, 2, 5, 10, 25),
    per_level: int = 20,
    background: int = 100,
    background_pairs: int = 10,
    unused: int = 700,
) -> Cohort:
    """Draw who is shown and how often.

    Args:
        seed: Seed of everything.
        swapped: Whether people in question who are shown change places with those who are not, each with a partner.
        levels: The numbers of pairs k.
        per_level: People at each k; as many as in all levels together are never shown.
        background: People who are shown but not in question.
        background_pairs: Pairs of each of them.
        unused: Names that belong to nobody.
    """
    half = len(levels) * per_level
    order = np.random.default_rng((seed, 0)).permutation(2 * half)  # a place below `half` is a member's
    if swapped:
        order = (order + half) % (2 * half)
    shown = [levels[place // per_level] if place < half else 0 for place in order]
    names = invented_names(2 * half + background + unused, seed)
    people = 2 * half + background
    return Cohort(seed, names[:people], (*shown, *[background_pairs] * background), 2 * half, names[people:])


def invented_names(count: int, seed: int) -> tuple[str, ...]:
    """Different names such as "Gloutax Vibel"; a shorter list is the start of a longer one.

    Args:
        count: How many.
        seed: Seed of the list.
    """
    draw = np.random.default_rng(seed)
    names: dict[str, None] = {}  # a set that keeps its order
    while len(names) < count:
        names[f"{_word(draw)} {_word(draw)}"] = None
    return tuple(names)


def _word(draw: np.random.Generator) -> str:
    syllables = [draw.choice(ONSETS) + draw.choice(VOWELS) for _ in range(2)]
    return "".join([*syllables, draw.choice(CODAS)]).capitalize()
