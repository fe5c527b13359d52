"""An encoder of images."""

from typing import final

from torch import Tensor

from lit_mia.features.encoders import ImageEncoder


@final
class MeanColour(ImageEncoder):
    """The mean of each channel."""

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
