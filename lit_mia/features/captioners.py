"""Captioners: third-party models of the attacker that turn images into the prompts of the target."""

import json
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import ClassVar, final

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from lit_mia.cost import progress
from lit_mia.errors import CaptionerError
from lit_mia.files import key_digest, replacing

CHUNK = 256


class Captioner(ABC):
    """Images to captions, for an attacker who holds the image and nothing else.

    Attributes:
        revision: Raised when the code makes other captions of the same images, so that kept ones are made anew.
    """

    revision: ClassVar[int] = 1

    @abstractmethod
    def fingerprint(self) -> dict[str, object]:
        """Everything that changes a caption, as JSON values: weights, versions, settings.

        Raises:
            CaptionerError: If a local model is missing.
        """

    @abstractmethod
    def caption(self, images: Tensor | NDArray[np.uint8]) -> list[str]:
        """Describe images.

        Args:
            images: uint8 `[n, 3, h, w]`.

        Returns:
            A caption for each, without spaces at its ends; it may be empty.

        Raises:
            CaptionerError: If the model cannot be loaded.
        """


@final
class FixedCaption(Captioner):
    """The same text for every image: the attacker's knowledge of a class ("a photo of a face"), not of the image.

    Args:
        text: The text.

    Raises:
        CaptionerError: If it is empty.
    """

    def __init__(self, text: str) -> None:
        self.text = text.strip()
        if not self.text:
            raise CaptionerError("`text` of a fixed caption must not be empty.")

    def fingerprint(self) -> dict[str, object]:
        """The text."""
        return {"captioner": "fixed", "text": self.text}

    def caption(self, images: Tensor | NDArray[np.uint8]) -> list[str]:
        """The text, once per image."""
        return [self.text] * len(images)


def cached_captions(
    captioner: Captioner, images: NDArray[np.uint8], folder: Path, key_parts: Mapping[str, object]
) -> list[str]:
    """Describe images, or read what the captioner said of them before.

    Args:
        captioner: The captioner.
        images: uint8 `[n, 3, h, w]`.
        folder: Where the `.captions.json` files are. Made if it is missing.
        key_parts: What the images are, as JSON values, e.g. `pixels_key`.

    Returns:
        A caption for each; it may be empty.
    """
    made_by = {"captioner": captioner.fingerprint(), "revision": captioner.revision}
    key = {"what": "captions", **made_by, **key_parts}
    path = folder / f"{key_digest(key)}.captions.json"
    if not path.is_file():
        with replacing(path) as temporary:
            temporary.write_text(json.dumps([*_described(captioner, images)], ensure_ascii=False), encoding="utf-8")
    return [str(text) for text in json.loads(path.read_text(encoding="utf-8"))]


def _described(captioner: Captioner, images: NDArray[np.uint8]) -> Iterator[str]:
    with progress("describe", len(images), "img", 0) as bar:
        for start in range(0, len(images), CHUNK):
            texts = captioner.caption(images[start : start + CHUNK])
            bar.update(len(texts))
            yield from texts
