"""The noise schedule of a diffusion model, the closed forms that attacks use, and the way back along it."""

from collections.abc import Sequence
from typing import Any, final

from torch import Tensor

from lit_mia.errors import TargetError
from lit_mia.models.files import Fingerprint
from lit_mia.models.pipeline_source import PipelineSource
from lit_mia.models.samplers import changed, saved_sampler, successor


@final
class Schedule:
    """The products ᾱ_t of a variance-preserving diffusion, and what follows from them.

    All methods take tensors `[b, ...]` and one timestep for the whole batch.

    Args:
        alphas_bar: ᾱ_0 … ᾱ_{T−1}, each in [0, 1), falling.
    """

    def __init__(self, alphas_bar: Sequence[float]) -> None:
        self._alphas_bar = tuple(float(value) for value in alphas_bar)

    def __eq__(self, other: object) -> bool:
        """Whether the other is the same diffusion."""
        return isinstance(other, Schedule) and self._alphas_bar == other._alphas_bar

    def __hash__(self) -> int:
        """By the products."""
        return hash(self._alphas_bar)

    def __len__(self) -> int:
        """T, the number of training timesteps."""
        return len(self._alphas_bar)

    def check(self, *timesteps: int) -> None:
        """Refuse timesteps that the model was not trained at, or that show nothing of an image.

        Raises:
            TargetError: If one is negative or not below T, or ᾱ_t is 0.
        """
        outside = sorted({t for t in timesteps if not 0 <= t < len(self)})
        if outside:
            raise TargetError(
                f"Timesteps must be in 0 … {len(self) - 1}, the schedule of this target, but an attack "
                f"needs {outside}. Lower `t` (SecMI also looks at t + k)."
            )
        blind = sorted({t for t in timesteps if self._alphas_bar[t] == 0})
        if blind:
            usable = max(t for t, alpha in enumerate(self._alphas_bar) if alpha > 0)
            raise TargetError(
                f"At the timesteps {blind} the schedule of this target leaves nothing of an image but noise (zero "
                f"terminal SNR), so that nothing can be told of a record. The largest usable `t` is {usable}."
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
    length = int(own.config.num_train_timesteps)
    if length % k:
        raise TargetError(f"`vary_k` must divide {length}, the length of this target's schedule, but got {k}.")
    scheduler = successor(own, _of_way_back(own), timestep_spacing="leading")
    scheduler.set_timesteps(length // k)
    offset = int(scheduler.config.get("steps_offset", 0))
    return scheduler, [int(step) for step in scheduler.timesteps if offset < step <= t + offset]


def way_back_settings(source: PipelineSource) -> Fingerprint:
    """What the scheduler of `way_back` keeps and `from_config` of diffusers would not, for a target's fingerprint."""
    own = saved_sampler(source)
    if own is None or not hasattr(own, "alphas_cumprod"):
        return {}
    cls = _of_way_back(own)
    unclipped = {} if cls is type(own) else {"clip_sample": False}
    before = cls.from_config(own.config, timestep_spacing="leading", **unclipped)
    return changed(before, successor(own, cls, timestep_spacing="leading"))


def _of_way_back(own: Any) -> type[Any]:
    from diffusers import DDIMScheduler, DDPMScheduler

    fixed = isinstance(own, DDPMScheduler) and not str(own.config.variance_type).startswith("learned")
    return type(own) if isinstance(own, DDIMScheduler) or fixed else DDIMScheduler
