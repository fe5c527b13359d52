"""The sampler of a text-to-image pipeline: another class in its place, and noise from the records' own generators."""

import functools
import inspect
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch

from lit_mia.errors import TargetError

SHORT_NAMES = {
    "ddim": "DDIMScheduler",
    "ddpm": "DDPMScheduler",
    "dpmsolver": "DPMSolverMultistepScheduler",
    "euler": "EulerDiscreteScheduler",
    "euler_a": "EulerAncestralDiscreteScheduler",
}
FEW_STEPS = {"LCMScheduler", "TCDScheduler"}
"""Samplers for distilled weights; diffusers does not list them as compatible with those that they replace."""
UNSCALED = FEW_STEPS | {
    "DDIMScheduler",
    "DDPMScheduler",
    "DEISMultistepScheduler",
    "DPMSolverMultistepScheduler",
    "DPMSolverSinglestepScheduler",
    "PNDMScheduler",
    "UniPCMultistepScheduler",
}
"""Samplers that begin with noise of variance 1; LDMTextToImagePipeline leaves out the scaling that others ask for."""
OWN_NOISE = {"DPMSolverSDEScheduler"}
"""Samplers whose noise comes from no generator of the caller's, so that an answer would depend on its batch."""


def short_name(scheduler: str) -> str:
    """The short name of a class, or the given name: so that two names of one sampler are one fingerprint."""
    return {cls: short for short, cls in SHORT_NAMES.items()}.get(scheduler, scheduler)


def replace_scheduler(pipeline: Any, scheduler: str) -> None:
    """Put another sampler in the place of a pipeline's own, with the same noise schedule.

    Args:
        pipeline: A loaded pipeline of diffusers.
        scheduler: A short name, or the name of a class of diffusers.

    Raises:
        TargetError: If there is no such sampler, or it does not fit the pipeline.
    """
    import diffusers

    current, name = pipeline.components.get("scheduler"), SHORT_NAMES.get(scheduler, scheduler)
    fitting = {cls.__name__ for cls in getattr(current, "compatibles", [])} - OWN_NOISE
    if "DDIMScheduler" in fitting:
        fitting |= FEW_STEPS
    if type(pipeline).__name__ == "LDMTextToImagePipeline":
        fitting &= UNSCALED
    if name not in fitting:
        raise TargetError(
            f"The sampler {scheduler!r} cannot replace the {type(current).__name__} of this "
            f"{type(pipeline).__name__}. Use `scheduler: pipeline`, or one of: {', '.join(sorted(fitting))}."
        )
    pipeline.scheduler = getattr(diffusers, name).from_config(current.config)


@contextmanager
def own_noise(scheduler: Any | None, generators: Sequence[torch.Generator]) -> Iterator[None]:
    """Let a sampler that draws noise draw it from the records' generators.

    Not every pipeline passes them on (LDM, Stable Diffusion 3 and Flux do not).

    Args:
        scheduler: The sampler of a pipeline; None for a pipeline with several, which is left as it is.
        generators: One per image of the batch.
    """
    if scheduler is None or "generator" not in inspect.signature(scheduler.step).parameters:
        yield
        return
    step = scheduler.step

    @functools.wraps(step)  # pipelines look at the signature
    def seeded(*args: Any, **kwargs: Any) -> Any:
        return step(*args, **{"generator": generators, **kwargs})

    scheduler.step = seeded
    try:
        yield
    finally:
        del scheduler.step
