"""A target that has learned some images by heart, and one that has not."""

import hashlib

import torch
from torch import Tensor

from lit_mia.features.encoders import ImageEncoder
from lit_mia.targets.base import GenerateTarget


class Copier(GenerateTarget):
    """Draws the image that it has learned for a caption, or else blocks of noise.

    Args:
        learned: Caption → image, uint8 `[3, s, s]`.
        side: s.
        share: How often it draws what it has learned.
        empty: What it draws of any caption that it does not know, in turn; blocks of noise if there is nothing.
    """

    name = "copier"
    nfe_per_image, price_per_image = 2, 0.5
    batch_size = 16

    def __init__(self, learned: dict[str, Tensor], side: int, share: float = 1.0, empty: tuple[Tensor, ...] = ()):
        self.learned, self.side, self.share, self.empty = learned, side, share, empty
        self.asked: list[str] = []

    def fingerprint(self):
        told = "".join(f"{name}{image.sum()}" for name, image in self.learned.items())
        return {"weights": hashlib.sha256(f"{told} {self.share} {len(self.empty)}".encode()).hexdigest(), "steps": 1}

    def generate(self, prompts, seeds):
        self.asked += prompts
        return torch.stack([self._draw(prompt, seed) for prompt, seed in zip(prompts, seeds, strict=True)])

    def _draw(self, prompt: str, seed: int) -> Tensor:
        rng = torch.Generator().manual_seed(seed)
        noise = torch.randint(0, 256, (3, 4, 4), generator=rng, dtype=torch.uint8)
        blocks = noise.repeat_interleave(self.side // 4, 1).repeat_interleave(self.side // 4, 2)
        if prompt in self.learned:
            return self.learned[prompt] if torch.rand(1, generator=rng) < self.share else blocks
        return self.empty[seed % len(self.empty)] if self.empty else blocks


class BlockEncoder(ImageEncoder):
    """The 4 × 4 blocks of an image, less grey, as its embedding."""

    dimension = 48

    def __init__(self):
        super().__init__("blocks", normalize=False, batch_size=8, device="cpu", dtype="float32")

    def fingerprint(self):
        return {"model": "blocks"}

    def _encode_images(self, images):
        return torch.nn.functional.adaptive_avg_pool2d(images.float() - 127.5, 4).flatten(1)
