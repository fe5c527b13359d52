"""The autoencoder of a latent diffusion pipeline, with the scaling of its training."""

from collections.abc import Sequence
from typing import Any, final

from torch import Tensor

from lit_mia.models.draws import normal


@final
class Autoencoder:
    """An `AutoencoderKL` or a `VQModel` of diffusers.

    Args:
        model: The model.
    """

    def __init__(self, model: Any) -> None:
        self.model = model
        self._scale = float(model.config.scaling_factor)
        self._shift = float(model.config.get("shift_factor") or 0.0)

    @property
    def factor(self) -> int:
        """Pixels per latent along a side."""
        return int(2 ** (len(self.model.config.block_out_channels) - 1))

    def encode(self, pixels: Tensor, seeds: Sequence[int] | None) -> Tensor:
        """Scaled latents of images in [−1, 1].

        Args:
            pixels: `[b, 3, s, s]`.
            seeds: One seed per image to draw from the posterior; None takes its mean. A `VQModel` has no posterior.
        """
        encoded = self.model.encode(pixels.to(self.model.device))
        posterior = getattr(encoded, "latent_dist", None)
        if posterior is None:
            latents = encoded.latents
        elif seeds is None:
            latents = posterior.mean
        else:
            latents = posterior.mean + posterior.std * normal(posterior.mean.shape[1:], seeds).to(posterior.mean)
        scaled: Tensor = (latents - self._shift) * self._scale
        return scaled.to(pixels)

    def decode(self, latents: Tensor) -> Tensor:
        """Images of scaled latents, not clipped."""
        decoded: Tensor = self.model.decode(latents.to(self.model.device) / self._scale + self._shift).sample
        return decoded.to(latents)
