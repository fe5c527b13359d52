"""Targets that make images from texts."""

from abc import abstractmethod
from collections.abc import Iterator, Sequence

from torch import Tensor

from lit_mia.batches import slices
from lit_mia.targets.base.target import AccessLevel, Answers, Target


class GenerateTarget(Target):
    """A target that makes images from texts.

    Attributes:
        batch_size: How many images one call of `generate` or `stream` should be asked for; a target that streams, and
            bounds by itself how many it works on at once, takes many, so that it never waits for the slowest of a few.
    """

    offers = frozenset({AccessLevel.GENERATE})
    batch_size: int

    @property
    @abstractmethod
    def nfe_per_image(self) -> int:
        """Evaluations of the denoiser or decoder behind one image; 0 where the target does not tell."""

    def evaluations_behind(self, calls: int, images: int) -> int:
        """What the target tells of its images."""
        return images * self.nfe_per_image

    @abstractmethod
    def generate(self, prompts: Sequence[str], seeds: Sequence[int]) -> Tensor:
        """Draw one image per prompt.

        The image of a prompt and a seed must not depend on the other members of the batch (up to a rounding step of
        a pixel), because the store keeps it as the one answer to that query.

        Args:
            prompts: The texts.
            seeds: One seed per text, in [0, 2^63).

        Returns:
            Images, uint8 `[n, 3, h, w]` on the CPU.
        """

    def stream(self, prompts: Sequence[str], seeds: Sequence[int]) -> Iterator[Answers]:
        """Draw one image per prompt, and give the answers as they come in, so that each can be stored at once.

        Args:
            prompts: The texts.
            seeds: One seed per text, in [0, 2^63).

        Yields:
            Every position of the batch exactly once, in any order and any parts.
        """
        for part in slices(len(prompts), self.batch_size):
            yield Answers(range(part.start, part.stop), self.generate(prompts[part], seeds[part]))
