"""Planted records, a target that draws for their captions, and an encoder that sees what was planted."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from datamodules.sources.base import RecordSource
from lit_mia.features.encoders import Encoder
from lit_mia.records import Records
from lit_mia.targets.base import GenerateTarget

RECORDS = 900
SIDE = 4
MEANINGS = SIDE**2
"""Numbers that say what is on an image, or in a text: one a pixel."""
WORDS = ("amber", "brook", "cedar", "delta", "ember", "fjord", "grove", "haven", "inlet", "jetty")
WORDS_EACH = 6
FAITHFUL = 0.9
"""How much of a caption's meaning is in what is drawn for it."""


@dataclass(frozen=True)
class World:
    """What is planted.

    Attributes:
        name: What it is.
        fits: How well captions fit their images, of members and of others: the correlation of their meanings.
        style: How differently the two sides choose words that say nothing of an image; what is drawn shows them.
        domain: How far apart the sides' images are, in one of their meanings.
        pull: How far the target draws everything towards the members' side.
        memory: How much of a member's own image is in what the target draws for its caption.
    """

    name: str
    fits: tuple[float, float] = (0.6, 0.6)
    style: float = 0.0
    domain: float = 0.0
    pull: float = 0.0
    memory: float = 0.0


@dataclass(frozen=True, eq=False)
class Planted:
    """One draw of a world.

    Attributes:
        world: What is planted.
        seed: Seed of the draw.
    """

    world: World
    seed: int

    @cached_property
    def members(self) -> NDArray[np.int64]:
        """1 for every other record, in no order."""
        return self._rng("sides").permutation(np.arange(RECORDS) % 2)

    @cached_property
    def images(self) -> NDArray[np.float64]:
        """What is on each image, `[n, MEANINGS]`."""
        meant = self._rng("images").normal(size=(RECORDS, MEANINGS))
        meant[:, 0] += self.world.domain * (2 * self.members - 1)
        return meant

    @cached_property
    def texts(self) -> NDArray[np.float64]:
        """What each caption says, `[n, MEANINGS]`."""
        fit = np.where(self.members == 1, *self.world.fits)[:, None]
        return fit * self.images + np.sqrt(1 - fit**2) * self._rng("texts").normal(size=self.images.shape)

    @cached_property
    def _words(self) -> NDArray[np.int64]:
        taste = self.world.style * np.linspace(-1, 1, len(WORDS)) * (2 * self.members - 1)[:, None]
        chances = np.exp(taste) / np.exp(taste).sum(axis=1, keepdims=True)
        rng = self._rng("words")
        return np.stack([rng.choice(len(WORDS), size=WORDS_EACH, p=of_record) for of_record in chances])

    @cached_property
    def captions(self) -> dict[str, int]:
        """Caption → row."""
        return {f"{row:03d} {' '.join(WORDS[word] for word in of)}": row for row, of in enumerate(self._words)}

    def answers(self, rows: Sequence[int], seeds: Sequence[int], trained: bool) -> NDArray[np.float64]:
        """What is drawn for captions, `[b, MEANINGS]`.

        Args:
            rows: Rows of the captions.
            seeds: Seeds of the drawing.
            trained: Whether by the target; else by the placebo, which was trained on neither side.
        """
        noise = np.stack([np.random.default_rng([seed, trained]).normal(size=MEANINGS) for seed in seeds])
        drawn = FAITHFUL * self.texts[rows] + np.sqrt(1 - FAITHFUL**2) * noise
        if self.world.style:
            drawn[:, 1] += self._words[rows].mean(axis=1) - (len(WORDS) - 1) / 2
        if trained:
            drawn[:, 0] += self.world.pull
            share = self.world.memory * self.members[rows, None]
            drawn = (1 - share) * drawn + share * self.images[rows]
        return drawn

    def _rng(self, what: str) -> np.random.Generator:
        return np.random.default_rng([self.seed, *what.encode()])


def pixels(meant: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Grey images that show meanings, `[n, 3, SIDE, SIDE]`."""
    grey = (128 + 25 * meant).clip(0, 255).astype(np.uint8).reshape(-1, 1, SIDE, SIDE)
    return grey.repeat(3, axis=1)


class PlantedSource(RecordSource):
    """The records of a planted world."""

    def __init__(self, planted: Planted) -> None:
        self.planted = planted

    def load(self) -> Records:
        """All of them, each a group of its own."""
        shown = pixels(self.planted.images).transpose(0, 2, 3, 1)
        names = tuple(f"r{row:03d}" for row in range(RECORDS))
        return Records(
            ids=names,
            captions=tuple(self.planted.captions),
            members=tuple(self.planted.members.tolist()),
            groups=names,
            open_image=lambda row: Image.fromarray(shown[row]),
            stamps=names,
        )


class PlantedTarget(GenerateTarget):
    """Draws for captions of a planted world."""

    nfe_per_image = 1
    batch_size = RECORDS

    def __init__(self, planted: Planted, trained: bool) -> None:
        self.planted, self.trained, self.name = planted, trained, "target" if trained else "placebo"

    def fingerprint(self) -> dict[str, str | int | float | bool | None]:
        """The world, the draw and whether it was trained."""
        return {"weights": f"{self.planted.world.name} {self.planted.seed} {self.trained}"}

    def generate(self, prompts: Sequence[str], seeds: Sequence[int]) -> Tensor:
        """One image per caption."""
        rows = [self.planted.captions[prompt] for prompt in prompts]
        return torch.from_numpy(pixels(self.planted.answers(rows, seeds, self.trained)))


class PlantedEncoder(Encoder):
    """Sees what is on images and in captions of a planted world, but not the words that say nothing."""

    shares_space = True
    dimension = MEANINGS

    def __init__(self, planted: Planted) -> None:
        super().__init__("planted", normalize=False, batch_size=RECORDS, device="cpu", dtype="float32")
        self.planted = planted

    def fingerprint(self) -> dict[str, object]:
        """The world and the draw."""
        return {"planted": f"{self.planted.world.name} {self.planted.seed}"}

    def _encode_images(self, images: Tensor) -> Tensor:
        return (images[:, 0].flatten(1).float() - 128) / 25

    def _encode_texts(self, texts: list[str]) -> Tensor:
        return torch.from_numpy(self.planted.texts[[self.planted.captions[text] for text in texts]]).float()
