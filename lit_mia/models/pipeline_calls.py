"""How a text-to-image pipeline is called: its noise, its arguments, captions that it cuts, evaluations it makes."""

import functools
import inspect
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch

from lit_mia.errors import TargetError

SECOND_ORDER = {
    "FlowMatchHeunDiscreteScheduler",
    "HeunDiscreteScheduler",
    "KDPM2AncestralDiscreteScheduler",
    "KDPM2DiscreteScheduler",
}
"""Samplers that evaluate twice in every step but the last."""
DISTILLED = {
    "Flux2Pipeline",
    "FluxPipeline",
    "LatentConsistencyModelPipeline",
    "QwenImagePipeline",
    "SanaSprintPipeline",
}
"""Pipelines that tell the denoiser the scale of guidance instead of evaluating it twice."""
AS_GIVEN = {"clean_caption": False, "use_resolution_binning": False}
"""PixArt, Sana and others would rewrite captions if a package happens to be installed, and round sizes."""
LDM_TOKENS = 77
"""LDMTextToImagePipeline reads no more, whatever its tokenizer could."""


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


def call_arguments(pipeline: type[Any], chosen: Mapping[str, object]) -> dict[str, object]:
    """The arguments of every call of a pipeline.

    Args:
        pipeline: A pipeline's class.
        chosen: The settings of the target; None is not sent.

    Raises:
        TargetError: If the pipeline does not take one of them.
    """
    allowed = inspect.signature(pipeline.__call__).parameters
    sent = {name: value for name, value in chosen.items() if value is not None}
    refused = [name for name in sent if name not in allowed]
    if refused:
        raise TargetError(
            f"{pipeline.__name__} does not take {', '.join(refused)}. Leave these options of the target out (with "
            "`guidance: null` no `guidance_scale` is sent), or choose another pipeline."
        )
    return {name: value for name, value in AS_GIVEN.items() if name in allowed} | sent


def token_limits(pipeline: Any, call: Mapping[str, object]) -> dict[str, int]:
    """How many tokens each tokenizer of a pipeline may pass on, by the tokenizer's name.

    Args:
        pipeline: A loaded pipeline of diffusers.
        call: What its call is told; a `max_sequence_length` limits every tokenizer but CLIP's.
    """
    default = inspect.signature(type(pipeline).__call__).parameters.get("max_sequence_length")
    asked = call.get("max_sequence_length", default.default if default else None)
    of_call = [asked] if isinstance(asked, int) else []
    of_pipeline = [LDM_TOKENS] if type(pipeline).__name__ == "LDMTextToImagePipeline" else []
    limits = {}
    for name, part in pipeline.components.items():
        if name.startswith("tokenizer") and part is not None:
            more = of_pipeline if type(part).__name__.startswith("CLIP") else of_pipeline + of_call
            limits[name] = min([int(part.model_max_length), *more])
    return limits


def as_read(pipeline: Any, tokenizer: Any, prompts: Sequence[str]) -> list[str]:
    """Prompts as a tokenizer of a pipeline is given them: a word of several learned vectors stands there several times.

    Args:
        pipeline: A loaded pipeline of diffusers.
        tokenizer: One of its tokenizers.
        prompts: The captions.
    """
    convert = getattr(pipeline, "maybe_convert_prompt", None)
    return list(prompts) if convert is None else convert(list(prompts), tokenizer)


def cut_by(pipeline: Any, limits: Mapping[str, int], prompts: Sequence[str]) -> dict[str, list[bool]]:
    """Whether each tokenizer cuts each caption.

    Args:
        pipeline: A loaded pipeline of diffusers.
        limits: What `token_limits` tells of it.
        prompts: The captions.
    """
    tokenizers = {name: pipeline.components[name] for name in limits}
    tokens = {name: part(as_read(pipeline, part, prompts))["input_ids"] for name, part in tokenizers.items()}
    return {name: [len(line) > limits[name] for line in lines] for name, lines in tokens.items()}


def evaluations_per_image(pipeline: str, scheduler: str, steps: int, guidance: float | None, true_scale: float) -> int:
    """Denoiser evaluations behind one image.

    Pipelines with perturbed attention (`PAG`) or several denoisers (`Combined`) make more than this says.

    Args:
        pipeline: Name of the pipeline's class.
        scheduler: Name of the sampler's class.
        steps: Sampling steps.
        guidance: Scale of guidance; None is the pipeline's own, which is taken to be above 1.
        true_scale: Scale of classifier-free guidance in pipelines whose `guidance` is distilled.
    """
    extra = steps - 1 if scheduler in SECOND_ORDER else 1 if scheduler == "PNDMScheduler" else 0
    return (steps + extra) * (2 if _twice(pipeline, guidance, true_scale) else 1)


def _twice(pipeline: str, guidance: float | None, true_scale: float) -> bool:
    if pipeline in DISTILLED:
        return true_scale > 1
    if pipeline == "LDMTextToImagePipeline":
        return guidance not in (None, 1)
    return guidance is None or guidance > 1
