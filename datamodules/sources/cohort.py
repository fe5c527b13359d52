"""A world of invented people whose presence in a training set is known: the demo of identity inference.

Some people are in question: a shuffle decides which half of them is shown in training, 1 to 25 times, and which never.
Background people are shown too but are not in question.

Faces are drawn procedurally: 14 numbers say who it is, a random nuisance says how the picture was taken. Every picture
follows from a seed, a person and an image number alone. Nobody real is shown.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]

IDENTITY = (
    *("skin", "skin_tint", "hair_hue", "hair_light", "hair_length", "face_width", "face_height"),
    *("eye_gap", "eye_height", "eye_size", "iris", "nose_length", "mouth_width", "lips"),
)
"""What makes a person: each parameter lies in [0, 1]."""

NUISANCE = 10  # shift (2), scale, background (3), light: level, direction (2); contrast
NOISE = 0.04  # standard deviation of the pixel noise, of full scale
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
    return Cohort(
        seed=seed,
        names=names[:people],
        occurrences=(*shown, *[background_pairs] * background),
        questioned=2 * half,
        unused=names[people:],
    )


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


def identities(seed: int, people: Sequence[int]) -> Floats:
    """Identity parameters, uniform in [0, 1].

    Args:
        seed: Seed of this world of people.
        people: Numbers of the people.

    Returns:
        `[n, 14]`, columns as in `IDENTITY`.
    """
    return np.stack([np.random.default_rng((seed, person)).random(len(IDENTITY), np.float32) for person in people])


def draw_faces(seed: int, people: Sequence[int], images: Sequence[int], size: int = 32) -> NDArray[np.uint8]:
    """Pictures of people.

    Args:
        seed: Seed of this world of people.
        people: Number of the person in each picture.
        images: Number of the picture among those of its person.
        size: Side in pixels.

    Returns:
        RGB, `[n, size, size, 3]`.
    """
    drawn = np.empty((len(people), size, size, 3), np.uint8)
    for start in range(0, len(people), 500):  # bounds the memory
        part = slice(start, start + 500)
        generators = [np.random.default_rng((seed, p, i)) for p, i in zip(people[part], images[part], strict=True)]
        nuisance = np.stack([g.random(NUISANCE, np.float32) for g in generators])
        noise = np.stack([g.standard_normal((size, size, 3), np.float32) for g in generators])
        pixels = _picture(identities(seed, people[part]), nuisance, size) + NOISE * noise
        drawn[part] = (pixels.clip(0, 1) * 255).round().astype(np.uint8)
    return drawn


def _picture(identity: Floats, nuisance: Floats, size: int) -> Floats:
    """The scene without noise, `[n, size, size, 3]` around [0, 1]."""
    who = dict(zip(IDENTITY, identity.T[:, :, None, None], strict=True))
    how = nuisance.T[:, :, None, None]
    axis = (np.arange(size, dtype=np.float32) + 0.5) / size * 2 - 1
    zoom = 0.9 + 0.25 * how[2]
    x = (axis[None, None, :] - 0.24 * (how[0] - 0.5)) / zoom
    y = (axis[None, :, None] - 0.24 * (how[1] - 0.5)) / zoom
    pixels = np.broadcast_to(nuisance[:, None, None, 3:6], (len(identity), size, size, 3))
    for shape, colour in _layers(who, x, y):
        cover = (0.5 - shape * size / 4).clip(0, 1)[..., None]  # soft edges of about two pixels
        pixels = pixels + cover * (colour - pixels)
    light = 0.8 + 0.35 * how[6] + 0.3 * (how[7] - 0.5) * x + 0.3 * (how[8] - 0.5) * y
    contrast = 0.8 + 0.3 * how[9][..., None]
    picture: Floats = (pixels * light[..., None] - 0.5) * contrast + 0.5
    return picture


def _layers(who: dict[str, Floats], x: Floats, y: Floats) -> list[tuple[Floats, Floats]]:
    """Shapes from back to front: distance to the edge (negative inside) and colour `[n, 1, 1, 3]`."""
    wide, high = 0.38 + 0.22 * who["face_width"], 0.5 + 0.22 * who["face_height"]
    skin = _mix((0.36, 0.22, 0.15), (0.98, 0.82, 0.72), who["skin"]) * _mix((1, 1, 0.85), (1, 0.9, 1), who["skin_tint"])
    hair = _hue(who["hair_hue"]) * (0.25 + 0.7 * who["hair_light"][..., None])
    gap, level = 0.14 + 0.14 * who["eye_gap"], -0.22 + 0.22 * who["eye_height"]
    eye = 0.07 + 0.07 * who["eye_size"]
    nose = 0.05 + 0.2 * who["nose_length"]
    mouth, lips = 0.1 + 0.2 * who["mouth_width"], _mix((0.45, 0.1, 0.15), (0.95, 0.35, 0.45), who["lips"])
    side = np.abs(x)
    return [
        (_ellipse(x, y + 0.2 - 0.5 * who["hair_length"], wide + 0.14, 0.6 + 0.3 * who["hair_length"]), hair),
        (_ellipse(x, y - 0.08, wide, high), skin),
        (_ellipse(side - gap, y - level, 1.5 * eye, eye), _mix((1, 1, 1), (1, 1, 1), who["iris"])),
        (_ellipse(side - gap, y - level, 0.75 * eye, 0.85 * eye), 0.8 * _hue(who["iris"])),
        (_box(x, y - level - 0.1 - nose / 2, 0.035, nose / 2), 0.7 * skin),
        (_box(x, y - 0.4, mouth, 0.05), lips),
    ]


def _ellipse(x: Floats, y: Floats, wide: Floats, high: Floats) -> Floats:
    return (np.sqrt((x / wide) ** 2 + (y / high) ** 2) - 1) * np.minimum(wide, high)


def _box(x: Floats, y: Floats, wide: Floats | float, high: Floats | float) -> Floats:
    return np.maximum(np.abs(x) - wide, np.abs(y) - high)


def _mix(first: Sequence[float], second: Sequence[float], share: Floats) -> Floats:
    start, end = np.array(first, np.float32), np.array(second, np.float32)
    return start + share[..., None] * (end - start)


def _hue(turn: Floats) -> Floats:
    """A saturated colour at a turn of 0 to 1 round the colour circle."""
    phase = turn[..., None] * 5 / 6 + np.array((0, 2 / 3, 1 / 3), np.float32)  # 5/6: both ends of the scale differ
    return 0.55 + 0.45 * np.cos(2 * np.pi * phase)
