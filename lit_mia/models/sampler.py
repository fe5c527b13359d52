"""The way back from a noised image, by a pipeline's own sampler."""

from typing import Any

from lit_mia.errors import TargetError


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
