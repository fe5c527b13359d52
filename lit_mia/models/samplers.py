"""Samplers of diffusers: the one that a pipeline was saved with, another in its place, and what the other keeps."""

import inspect
import json
import warnings
from typing import Any

from lit_mia.errors import TargetError
from lit_mia.models.files import Fingerprint
from lit_mia.models.pipeline_source import PipelineSource

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
OTHER_SCHEDULE = {"EDMEulerScheduler"}
"""Samplers without betas, which diffusers lists as compatible with those that have some."""
SWITCHES = ("clip_sample", "thresholding", "rescale_betas_zero_snr", "use_flow_sigmas")
"""What a sampler does not do if its class knows no such setting, whatever the defaults of another class are."""
NEEDED = ("rescale_betas_zero_snr", "use_flow_sigmas")
"""Switches that change the noise schedule: a class that lacks one cannot sample a model that was trained with it."""
TOLD = ("prediction_type", "timestep_spacing", "steps_offset", "clip_sample", "thresholding", "rescale_betas_zero_snr")
"""Settings that tell how a sampler was used."""


def short_name(scheduler: str) -> str:
    """The short name of a class, or the given name: so that two names of one sampler are one fingerprint."""
    return {cls: short for short, cls in SHORT_NAMES.items()}.get(scheduler, scheduler)


def replace_scheduler(pipeline: Any, scheduler: str) -> None:
    """Put another sampler in the place of a pipeline's own, with what the own one implies.

    Args:
        pipeline: A loaded pipeline of diffusers.
        scheduler: A short name, or the name of a class of diffusers.

    Raises:
        TargetError: If there is no such sampler, or it does not fit the pipeline.
    """
    pipeline.scheduler = _replaced(type(pipeline).__name__, pipeline.components.get("scheduler"), scheduler)


def successor(own: Any, cls: Any, **chosen: object) -> Any:
    """A sampler of another class that keeps what a pipeline's own one implies.

    `from_config` of diffusers drops what the own one's file leaves to the defaults of its class, so that the defaults
    of the other class come in: they may clip latents, or have other betas.

    Args:
        own: The pipeline's own sampler.
        cls: Class of the other.
        **chosen: Settings of the other that are not kept.
    """
    kept = {name: value for name, value in own.config.items() if name != "_use_default_values"}
    unknown = {name: False for name in SWITCHES if name not in _settings(own)}
    return cls.from_config({**kept, **unknown, **chosen})


def changed(before: Any, now: Any) -> Fingerprint:
    """The settings of a sampler that differ from those of another of its class, as a fingerprint of one entry.

    Args:
        before: How `from_config` alone would have made it.
        now: How it is.

    Returns:
        `scheduler_settings`, or nothing if both are the same.
    """
    then, here = _settings(before), _settings(now)
    different = {name: value for name, value in here.items() if value != then[name]}
    return {"scheduler_settings": json.dumps(different, sort_keys=True)} if different else {}


def saved_sampler(source: PipelineSource) -> Any | None:
    """The sampler that a pipeline was saved with, as the pipeline corrects it, without loading other parts.

    Args:
        source: Where the pipeline is from.

    Returns:
        None if the pipeline has no sampler of diffusers, or several.

    Raises:
        TargetError: If its file cannot be read.
    """
    import diffusers

    cls = getattr(diffusers, str((source.index.get("scheduler") or [None, None])[1]), None)
    if cls is None:
        return None
    own = cls.from_config(source.part_json("scheduler", "scheduler_config.json"))
    parts = inspect.signature(source.pipeline_class.__init__).parameters
    absent = {name: None for name, part in parts.items() if part.default is part.empty and name != "self"}
    checker = {"requires_safety_checker": False} if "requires_safety_checker" in parts else {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        try:
            return source.pipeline_class(**{**absent, **checker, "scheduler": own}).scheduler
        except (AttributeError, TypeError, ValueError):  # those that look at their other parts correct no sampler
            return own


def replaced_settings(source: PipelineSource, scheduler: str) -> Fingerprint:
    """What `replace_scheduler` keeps and `from_config` of diffusers would not, for the fingerprint of a target.

    Args:
        source: Where the pipeline is from.
        scheduler: A short name, or the name of a class of diffusers.

    Raises:
        TargetError: If there is no such sampler, or it does not fit the pipeline.
    """
    own = saved_sampler(source)
    now = _replaced(source.class_name, own, scheduler)
    return changed(type(now).from_config(own.config), now) if own is not None else {}


def sampler_in_words(source: PipelineSource, scheduler: str) -> str:
    """The class and the main settings of the sampler that a target uses; empty if the pipeline has several or none.

    Args:
        source: Where the pipeline is from.
        scheduler: A short name, the name of a class of diffusers, or `pipeline` for the pipeline's own.

    Raises:
        TargetError: If there is no such sampler, or it does not fit the pipeline.
    """
    own = saved_sampler(source)
    if own is None:
        return ""
    used = own if scheduler == "pipeline" else _replaced(source.class_name, own, scheduler)
    return ", ".join(
        [type(used).__name__, *(f"{name} {value}" for name, value in _settings(used).items() if name in TOLD)]
    )


def _replaced(pipeline: str, own: Any, scheduler: str) -> Any:
    """The sampler in the place of the own one of a pipeline of this class."""
    import diffusers

    name, kind = SHORT_NAMES.get(scheduler, scheduler), type(own).__name__
    fitting = {cls.__name__ for cls in getattr(own, "compatibles", [])} - OWN_NOISE - OTHER_SCHEDULE
    if "DDIMScheduler" in fitting:
        fitting |= FEW_STEPS
    if pipeline == "LDMTextToImagePipeline":
        fitting &= UNSCALED
    needed = {switch for switch in NEEDED if own is not None and _settings(own).get(switch)}
    fitting = {
        cls for cls in fitting if needed <= inspect.signature(getattr(diffusers, cls).__init__).parameters.keys()
    }
    refused = f"The sampler {scheduler!r} cannot replace the {kind} of this {pipeline}"
    if name not in fitting:
        raise TargetError(f"{refused}. Use `scheduler: pipeline`, or one of: {', '.join(sorted(fitting))}.")
    try:
        return successor(own, getattr(diffusers, name))
    except (ValueError, TypeError, NotImplementedError) as error:
        raise TargetError(f"{refused}: {error} Use `scheduler: pipeline`, or another sampler.") from error


def _settings(scheduler: Any) -> dict[str, Any]:
    """The settings that the class of a sampler knows."""
    known = inspect.signature(type(scheduler).__init__).parameters
    return {name: scheduler.config[name] for name in known if name in scheduler.config}
