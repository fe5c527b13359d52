"""How the network of a pipeline is trained: at which timesteps, on which x_t, and what it shall answer."""

from abc import ABC, abstractmethod
from typing import Any, ClassVar, Literal, final

import torch
from torch import Tensor

from lit_mia.errors import TrainingError
from lit_mia.models import PARAMETERIZATIONS, VARIANCE_PRESERVING, flow_levels, preserving_levels
from lit_mia.models.parameterization import Levels, Parameterization
from lit_mia.shadow.diffusion import PROBED

Density = Literal["uniform", "logit_normal"]
"""How often which place in a list of timesteps is drawn: all alike, or the middle more often (Esser et al. 2024)."""


class Noising(ABC):
    """The process that a pipeline's scheduler belongs to.

    Attributes:
        density: How timesteps are drawn where nothing else is said.
        form: What the network predicts.
        timesteps: Those that it is trained at, `[T]`, as it is told them.
        probed: Those at which records are looked at.

    Args:
        scheduler: The scheduler of the pipeline.

    Raises:
        TrainingError: If it is one of another process.
    """

    density: ClassVar[Density]
    form: Parameterization
    timesteps: Tensor
    probed: tuple[int, ...]

    @abstractmethod
    def __init__(self, scheduler: Any) -> None: ...

    @abstractmethod
    def levels(self, t: Tensor, like: Tensor) -> Levels:
        """Signal and noise at timesteps `[b]`, shaped for x_t."""

    @abstractmethod
    def errors(self, output: Tensor, x0: Tensor, e: Tensor, at: Levels) -> Tensor:
        """Errors of the network's output on x_t, `[b, …]`, by which records are looked at."""

    def drawn(self, count: int, density: Density | None = None) -> Tensor:
        """Random timesteps `[count]`, on the CPU.

        Args:
            count: How many.
            density: How they are drawn; None: as is usual for the process.
        """
        uniform = (density or self.density) == "uniform"
        place = torch.rand(count) if uniform else torch.randn(count).sigmoid()
        return self.timesteps[(place * len(self.timesteps)).long().clamp(max=len(self.timesteps) - 1)]


@final
class PreservingNoising(Noising):
    """Ho et al. 2020 and what kept its schedule: uniform timesteps, errors of the noise."""

    density = "uniform"

    def __init__(self, scheduler: Any) -> None:
        alphas_bar, kind = getattr(scheduler, "alphas_cumprod", None), scheduler.config.get("prediction_type")
        if alphas_bar is None or kind not in VARIANCE_PRESERVING:
            raise TrainingError(
                f"The scheduler {type(scheduler).__name__} (`prediction_type`: {kind}) does not say how this network "
                "was trained. Known are schedulers with betas, and the kinds epsilon, v_prediction and sample."
            )
        self.form = PARAMETERIZATIONS[kind]
        self.timesteps = torch.arange(len(alphas_bar))
        self.probed = tuple(t for t in PROBED if t < len(alphas_bar))
        self._alphas_bar = alphas_bar.clone()

    def levels(self, t: Tensor, like: Tensor) -> Levels:
        """√ᾱ_t and √(1 − ᾱ_t)."""
        return preserving_levels(self._alphas_bar, t, like)

    def errors(self, output: Tensor, x0: Tensor, e: Tensor, at: Levels) -> Tensor:
        """Those of the noise, whatever the network predicts."""
        return self.form.noise(at.noised(x0, e), output, at) - e


@final
class FlowNoising(Noising):
    """Flow matching as in Stable Diffusion 3 (Esser et al. 2024): shifted timesteps, errors of the velocity."""

    density = "logit_normal"

    def __init__(self, scheduler: Any) -> None:
        if hasattr(scheduler, "alphas_cumprod") or not hasattr(scheduler, "sigmas"):
            raise TrainingError(
                f"The scheduler {type(scheduler).__name__} is none of flow matching, so it does not say how this "
                "network was trained. Use the one that the pipeline came with, a FlowMatchEulerDiscreteScheduler."
            )
        self._length = int(scheduler.config.num_train_timesteps)
        self.form = PARAMETERIZATIONS["flow"]
        self.timesteps = scheduler.timesteps.clone()
        self.probed = tuple(int(share * self._length) for share in (0.3, 0.5, 0.7))

    def levels(self, t: Tensor, like: Tensor) -> Levels:
        """1 − σ and σ."""
        return flow_levels(t / self._length, like)

    def errors(self, output: Tensor, x0: Tensor, e: Tensor, at: Levels) -> Tensor:
        """Those of the velocity."""
        return output - self.form.target(x0, e, at)
