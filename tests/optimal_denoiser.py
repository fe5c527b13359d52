"""A denoiser that has memorised its training set perfectly, and images to train it on."""

import hashlib

import torch
from torch import Tensor

from lit_mia.models import Condition, Schedule, normal
from lit_mia.targets.base import DenoiseTarget

ALPHAS_BAR = torch.cumprod(1 - torch.linspace(1e-4, 0.02, 1000, dtype=torch.float64), 0)


class OptimalTarget(DenoiseTarget):
    """Predicts the noise as well as anyone can who knows that images are a mixture of narrow Gaussians.

    Args:
        images: Their centres, the training set: uint8 `[n, 3, s, s]`.
        captions: The caption of each training image. Under a caption that it knows the target takes only the images of
            that caption for possible, under any other one all.
        width: Deviation of the Gaussians in pixels from −1 to 1.
        dtype: What it computes in.
        batch_size: Images per call.
    """

    name = "optimal"
    is_latent = False
    evaluations_per_call = 1
    evaluations_per_variation = 2

    def __init__(self, images, captions=None, width=0.05, dtype=torch.float64, batch_size=256):
        self._centres = (images.to(dtype) / 127.5 - 1).flatten(1)
        self._captions, self._width, self._side = captions, width, images.shape[-1]
        self.batch_size = batch_size
        self.nfe = 0
        self.timesteps: set[int] = set()

    @property
    def needs_captions(self):
        return self._captions is not None

    @property
    def image_size(self):
        return self._side

    @property
    def schedule(self):
        return Schedule(ALPHAS_BAR.tolist())

    def fingerprint(self):
        return {"kind": "optimal", "weights": hashlib.sha256(self._centres.float().numpy().tobytes()).hexdigest()}

    def check_variation(self):
        pass

    def encode(self, images, seeds, sample=False):
        return images.to(self._centres.dtype) / 127.5 - 1

    def decode(self, x):
        return x

    def condition(self, captions):
        return Condition({"possible": torch.stack([self._possible(caption) for caption in captions])})

    def reduced_condition(self, captions, share):
        """Takes the last words away, the share rounded up."""
        words = [caption.split() for caption in captions]
        return self.condition([" ".join(line[: int(len(line) * (1 - share))]) for line in words])

    def _possible(self, caption: str | None) -> Tensor:
        known = torch.tensor([caption == other for other in self._captions or []], dtype=torch.bool)
        return known if known.any() else torch.ones(len(self._centres), dtype=torch.bool)

    def predict_noise(self, x, t, condition):
        """ε = (x − √ᾱ·E[x_0 | x]) / √(1 − ᾱ), in closed form.

        Given centre m, x is normal around √ᾱ·m with the variance v = ᾱ·width² + 1 − ᾱ.
        """
        self.nfe += len(x)
        self.timesteps.update(t.tolist())
        alpha = ALPHAS_BAR.to(x)[t, None]
        variance = alpha * self._width**2 + 1 - alpha
        scaled = x.flatten(1) / alpha.sqrt()
        distance = torch.cdist(scaled, self._centres, compute_mode="donot_use_mm_for_euclid_dist")
        evidence = -alpha * distance.square() / (2 * variance)
        weights = evidence.masked_fill(~condition.parts["possible"], -torch.inf).softmax(1)
        noise = (1 - alpha).sqrt() / variance * (x.flatten(1) - alpha.sqrt() * (weights @ self._centres))
        return noise.view_as(x)

    def vary(self, images, captions, seeds):
        """Noise to 200 and two steps of DDIM back."""
        condition = self.condition(captions if self.needs_captions else [None] * len(images))
        x0 = self.encode(images, seeds)
        alpha = ALPHAS_BAR[200]
        x = alpha.sqrt() * x0 + (1 - alpha).sqrt() * normal(x0.shape[1:], seeds).to(x0)
        for t, to in ((200, 100), (100, 0)):
            eps = self.predict_noise(x, torch.full((len(x),), t), condition)
            clean = (x - (1 - ALPHAS_BAR[t]).sqrt() * eps) / ALPHAS_BAR[t].sqrt()
            x = ALPHAS_BAR[to].sqrt() * clean + (1 - ALPHAS_BAR[to]).sqrt() * eps
        return ((x.clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8)


def smooth_images(n: int, seed: int, side: int = 8) -> Tensor:
    """Random images without sharp edges, uint8 `[n, 3, side, side]`, all from one distribution."""
    coarse = torch.randn((n, 3, 4, 4), generator=torch.Generator().manual_seed(seed))
    fine = torch.nn.functional.interpolate(coarse, (side, side), mode="bicubic", align_corners=True)
    return (127.5 + 70 * fine).round().clamp(0, 255).to(torch.uint8)


def names(n: int) -> tuple[str, ...]:
    """Ids of n records."""
    return tuple(f"r{number:03d}" for number in range(n))
