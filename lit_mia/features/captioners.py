"""Captioners: third-party models of the attacker that turn images into the prompts of the target."""

from abc import ABC, abstractmethod
from typing import final

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from lit_mia.errors import CaptionerError


class Captioner(ABC):
    """Images to captions, for an attacker who holds the image and nothing else."""

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
