"""An encoder of images and texts that share no space."""

from typing import final

import torch
from torch import Tensor

from lit_mia.features.encoders import Encoder


@final
class MeanColour(Encoder):
    """The mean of each channel; of a text, its letters and words."""

    shares_space = False

    def __init__(self) -> None:
        super().__init__("mean colour", normalize=False, batch_size=64, device="cpu", dtype="float32")

    @property
    def dimension(self) -> int:
        """3."""
        return 3

    def fingerprint(self) -> dict[str, object]:
        """It has no weights."""
        return {"encoder": "mean colour"}

    def _encode_images(self, images: Tensor) -> Tensor:
        return images.float().mean(dim=(-1, -2)) / 255

    def _encode_texts(self, texts: list[str]) -> Tensor:
        return torch.tensor([[len(text), len(text.split())] for text in texts], dtype=torch.float32)
