"""The noise schedule of a diffusion model, the closed forms that attacks use, and the way back along it."""

from collections.abc import Sequence
from typing import Any, final

from torch import Tensor

from lit_mia.errors import TargetError


@final
class Schedule:
    """The products ᾱ_t of a variance-preserving diffusion, and what follows from them.

    All methods take tensors `[b, ...]` and one timestep for the whole batch.

    Args:
        alphas_bar: ᾱ_0 … ᾱ_{T−1}, each in (0, 1), falling.
    """

    def __init__(self, alphas_bar: Sequence[float]) -> None:
        self._alphas_bar = tuple(float(value) for value in alphas_bar)

    def __len__(self) -> int:
        """T, the number of training timesteps."""
        return len(self._alphas_bar)

    def check(self, *timesteps: int) -> None:
        """Refuse timesteps that the model was not trained at.

        Raises:
            TargetError: If one is negative or not below T.
        """
        outside = sorted({t for t in timesteps if not 0 <= t < len(self)})
        if outside:
            raise TargetError(
                f"Timesteps must be in 0 … {len(self) - 1}, the schedule of this target, but an attack "
                f"needs {outside}. Lower `t` (SecMI also looks at t + k)."
            )

    def signal(self, t: int) -> float:
        """√ᾱ_t, the share of the clean image in x_t."""
        return float(self._alphas_bar[t] ** 0.5)

    def sigma(self, t: int) -> float:
        """√(1 − ᾱ_t), the deviation of the noise in x_t."""
        return float((1 - self._alphas_bar[t]) ** 0.5)

    def noised(self, x0: Tensor, noise: Tensor, t: int) -> Tensor:
        """x_t = √ᾱ_t·x_0 + √(1 − ᾱ_t)·e (Ho et al. 2020, eq. 4)."""
        return self.signal(t) * x0 + self.sigma(t) * noise

    def clean(self, x: Tensor, eps: Tensor, t: int) -> Tensor:
        """The clean image that a noise prediction implies, x̂_0 = (x_t − √(1 − ᾱ_t)·ε)/√ᾱ_t."""
        return (x - self.sigma(t) * eps) / self.signal(t)

    def step(self, x: Tensor, eps: Tensor, t: int, to: int) -> Tensor:
        """One deterministic DDIM step from t to `to`, upwards or downwards (Song et al. 2021, eq. 12 with σ = 0)."""
        return self.signal(to) * self.clean(x, eps, t) + self.sigma(to) * eps


def way_back(own: Any, t: int, k: int) -> tuple[Any, list[int]]:
    """A scheduler that can start in the middle of a run, and its timesteps from `t` down in even steps of `k`.

    Multistep samplers such as PNDM assume a whole run, and learned variances are not predicted here: DDIM for those.

    Args:
        own: The pipeline's scheduler.
        t: Where to start, a multiple of `k`.
        k: Timesteps between two steps; must divide the schedule's length.

    Raises:
        TargetError: If `k` does not divide the schedule.
    """
    from diffusers import DDIMScheduler, DDPMScheduler

    length = int(own.config.num_train_timesteps)
    if length % k:
        raise TargetError(f"`vary_k` must divide {length}, the length of this target's schedule, but got {k}.")
    fixed = isinstance(own, DDPMScheduler) and own.config.variance_type.startswith("fixed")
    if isinstance(own, DDIMScheduler) or fixed:
        scheduler = type(own).from_config(own.config, timestep_spacing="leading")
    else:
        scheduler = DDIMScheduler.from_config(own.config, clip_sample=False, timestep_spacing="leading")
    scheduler.set_timesteps(length // k)
    offset = int(scheduler.config.get("steps_offset", 0))
    return scheduler, [int(step) for step in scheduler.timesteps if offset < step <= t + offset]
