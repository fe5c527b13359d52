"""Targets that make variations of an image."""

from abc import abstractmethod
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from lit_mia.batches import slices
from lit_mia.errors import TargetError
from lit_mia.targets.base.target import AccessLevel, Answers, Target


class VaryTarget(Target):
    """A target that makes variations of an image.

    Attributes:
        batch_size: How many images one call should be given.
    """

    offers = frozenset({AccessLevel.VARY})
    batch_size: int

    @property
    @abstractmethod
    def image_size(self) -> int:
        """Side in pixels of the square images that the target takes."""

    def check_images(self, images: Tensor) -> None:
        """Refuse images that the target does not take.

        Raises:
            TargetError: If they are not uint8 `[b, 3, s, s]` of the target's own size.
        """
        size = self.image_size
        if images.dtype != torch.uint8 or images.ndim != 4 or images.shape[1:] != (3, size, size):
            raise TargetError(
                f"The target {self.name!r} takes uint8 RGB images [n, 3, {size}, {size}], but got {images.dtype} "
                f"{list(images.shape)}. Resize or convert the images."
            )

    @abstractmethod
    def vary(self, images: Tensor, captions: Sequence[str | None], seeds: Sequence[int]) -> Tensor:
        """One variation of each image, as an image API returns it.

        Args:
            images: uint8 `[b, 3, s, s]`.
            captions: The text of each image, or None.
            seeds: One seed per image, in [0, 2^63).

        Returns:
            uint8 `[b, 3, s, s]`.
        """

    def stream_vary(self, images: Tensor, captions: Sequence[str | None], seeds: Sequence[int]) -> Iterator[Answers]:
        """One variation of each image, given as they come in, so that each can be stored at once.

        Args:
            images: uint8 `[b, 3, s, s]`, any number.
            captions: The text of each image, or None.
            seeds: One seed per image, in [0, 2^63).

        Yields:
            Every position exactly once, in any order and any parts.
        """
        for part in slices(len(images), self.batch_size):
            yield Answers(range(part.start, part.stop), self.vary(images[part], captions[part], seeds[part]))
