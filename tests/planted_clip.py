"""An embedding target that knows the names of some people by construction, and pictures that say who is on them."""

import hashlib
import re
from functools import cache

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from lit_mia.models import Fingerprint
from lit_mia.records import People
from lit_mia.targets.base import EmbedTarget

DIMENSION = 64
NAME = re.compile(r"[A-Z]\w+ [A-Z]\w+")  # templates are in lower case


def person_names(count: int) -> tuple[str, ...]:
    return tuple(f"Planted {chr(65 + i // 26)}{chr(97 + i % 26)}on" for i in range(count))


def picture(person: int, image: int) -> Image.Image:
    return Image.new("RGB", (4, 4), (person, image, 7))


def people_of(members, occurrences=None, images=7, names=None) -> People:
    names = names or person_names(len(members))
    return People(
        names=names,
        members=tuple(members),
        occurrences=tuple(occurrences or [None] * len(members)),
        image_counts=(images,) * len(members),
        open_image=picture,
    )


class PlantedTarget(EmbedTarget):
    """Sees the people in `known` as their names, and anybody else as noise; counts what it embeds."""

    def __init__(self, known=(), seed=0, blind=False):
        super().__init__("planted", 16, "cpu", "float32")
        self.known, self.seed, self.blind = dict(known), seed, blind
        self.images = self.texts = self.largest = 0

    def fingerprint(self) -> Fingerprint:
        return {"target": "planted", "known": str(sorted(self.known.items())), "seed": self.seed, "blind": self.blind}

    @property
    def logit_scale(self) -> float:
        return 10.0

    def untrained_twin(self) -> "PlantedTarget":
        return PlantedTarget((), self.seed + 1)

    def too_long(self, texts) -> int:
        return sum(len(text) > 60 for text in texts)

    def _encode_images(self, images: list[Image.Image]) -> Tensor:
        self.images += len(images)
        self.largest = max(self.largest, len(images))
        return torch.stack([self._of_image(*image.getpixel((0, 0))) for image in images])

    def _encode_texts(self, texts: list[str]) -> Tensor:
        self.texts += len(texts)
        return torch.stack([vector("name", NAME.search(text).group()) for text in texts])

    def _of_image(self, person: int, image: int, _blue: int) -> Tensor:
        if person in self.known:
            return vector("name", self.known[person])
        return vector("noise", self.seed, person) + 0.5 * vector("noise", self.seed, person, image)


@cache
def vector(*key: object) -> Tensor:
    digest = hashlib.sha256(repr(key).encode()).digest()
    return torch.from_numpy(np.random.default_rng(list(digest)).standard_normal(DIMENSION).astype(np.float32))
