"""A target that generates images."""

import hashlib
from collections.abc import Sequence
from typing import final

import torch
from torch import Tensor

from lit_mia.models import Fingerprint
from lit_mia.targets.base import GenerateTarget


@final
class Blurred(GenerateTarget):
    """Clouds of colour that depend on the prompt and the seed.

    Args:
        size: Side in pixels.
        brightness: Mean value of a pixel.
    """

    name = "blurred"
    batch_size = 32

    def __init__(self, size: int = 16, brightness: int = 128) -> None:
        self.size, self.brightness = size, brightness

    @property
    def nfe_per_image(self) -> int:
        """It has no denoiser."""
        return 0

    def fingerprint(self) -> Fingerprint:
        """Its settings."""
        return {"kind": "blurred", "size": self.size, "brightness": self.brightness}

    def generate(self, prompts: Sequence[str], seeds: Sequence[int]) -> Tensor:
        """See `GenerateTarget`."""
        return torch.stack([self._draw(f"{prompt}/{seed}") for prompt, seed in zip(prompts, seeds, strict=True)])

    def _draw(self, key: str) -> Tensor:
        seed = int.from_bytes(hashlib.sha256(key.encode()).digest()[:7], "big")
        noise = torch.randn(3, 4, 4, generator=torch.Generator().manual_seed(seed))
        clouds = torch.nn.functional.interpolate(noise[None], (self.size, self.size), mode="bilinear")[0]
        return (self.brightness + 40 * clouds).clamp(0, 255).to(torch.uint8)
