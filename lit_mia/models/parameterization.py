"""What diffusion networks predict (noise, image or velocity), and how each kind is turned into the others.

Every process here makes x_t = a·x_0 + s·e of a clean image x_0 and standard normal noise e. Variance-preserving
schedules have a = √ᾱ_t and s = √(1 − ᾱ_t); flow matching has a = 1 − σ and s = σ, told to the network as t = 1000·σ.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple, final

from torch import Tensor


class Levels(NamedTuple):
    """a, the signal, and s, the noise, of x_t = a·x_0 + s·e: `[b, 1, …]`, as many dimensions as x_t."""

    signal: Tensor
    noise: Tensor

    def noised(self, x0: Tensor, e: Tensor) -> Tensor:
        """x_t of clean images and noise, both `[b, …]`."""
        return self.signal * x0 + self.noise * e


@final
@dataclass(frozen=True)
class Parameterization:
    """What a network predicts, as functions of tensors `[b, …]`.

    Attributes:
        target: The right answer, from x_0, e and the levels.
        noise: The noise ê that an output implies, from x_t, the output and the levels.
        clean: The clean image x̂_0 that it implies, from the same.
    """

    target: Callable[[Tensor, Tensor, Levels], Tensor]
    noise: Callable[[Tensor, Tensor, Levels], Tensor]
    clean: Callable[[Tensor, Tensor, Levels], Tensor]


PARAMETERIZATIONS: Mapping[str, Parameterization] = {
    "epsilon": Parameterization(
        target=lambda x0, e, at: e,
        noise=lambda x, output, at: output,
        clean=lambda x, output, at: (x - at.noise * output) / at.signal,
    ),
    "sample": Parameterization(
        target=lambda x0, e, at: x0,
        noise=lambda x, output, at: (x - at.signal * output) / at.noise,
        clean=lambda x, output, at: output,
    ),
    "v_prediction": Parameterization(  # Salimans and Ho 2022 (arXiv 2202.00512), eq. 22 and appendix D: a² + s² = 1
        target=lambda x0, e, at: at.signal * e - at.noise * x0,
        noise=lambda x, output, at: at.signal * output + at.noise * x,
        clean=lambda x, output, at: at.signal * x - at.noise * output,
    ),
    "flow": Parameterization(  # Esser et al. 2024 (arXiv 2403.03206), eq. 13: a + s = 1
        target=lambda x0, e, at: e - x0,
        noise=lambda x, output, at: x + at.signal * output,
        clean=lambda x, output, at: x - at.noise * output,
    ),
}
"""By the names that diffusers' schedulers have for them (`prediction_type`); `flow` is that of flow matching."""

VARIANCE_PRESERVING = ("epsilon", "v_prediction", "sample")


def preserving_levels(alphas_bar: Tensor, t: Tensor, like: Tensor) -> Levels:
    """The levels of a variance-preserving schedule.

    Args:
        alphas_bar: ᾱ_0 … ᾱ_{T−1}.
        t: Timesteps, long `[b]`.
        like: x_t, `[b, …]`, whose type, device and number of dimensions the answer has.
    """
    alpha = alphas_bar.double().to(like)[t].view(-1, *[1] * (like.ndim - 1))
    return Levels(alpha.sqrt(), (1 - alpha).sqrt())


def flow_levels(sigma: Tensor, like: Tensor) -> Levels:
    """The levels of flow matching.

    Args:
        sigma: σ = t/1000, `[b]`, in [0, 1].
        like: x_t, `[b, …]`, whose type, device and number of dimensions the answer has.
    """
    shaped = sigma.to(like).view(-1, *[1] * (like.ndim - 1))
    return Levels(1 - shaped, shaped)
