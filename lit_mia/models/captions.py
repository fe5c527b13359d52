"""Which captions are longer than what a pipeline's text encoders read."""

import inspect
from collections.abc import Mapping, Sequence
from typing import Any

LDM_TOKENS = 77
"""LDMTextToImagePipeline reads no more, whatever its tokenizer could."""


def token_limits(pipeline: Any, call: Mapping[str, object]) -> dict[str, int]:
    """How many tokens each tokenizer of a pipeline may pass on, by the tokenizer's name.

    Args:
        pipeline: A loaded pipeline of diffusers.
        call: What its call is told; a `max_sequence_length` limits every tokenizer but CLIP's.
    """
    default = inspect.signature(type(pipeline).__call__).parameters.get("max_sequence_length")
    asked = call.get("max_sequence_length", default.default if default else None)
    limits = {}
    for name, part in pipeline.components.items():
        if name.startswith("tokenizer") and part is not None:
            is_clip = type(part).__name__.startswith("CLIP")
            more = [asked] if isinstance(asked, int) and not is_clip else []
            more += [LDM_TOKENS] if type(pipeline).__name__ == "LDMTextToImagePipeline" else []
            limits[name] = min(int(part.model_max_length), *more) if more else int(part.model_max_length)
    return limits


def cut_by(pipeline: Any, limits: Mapping[str, int], prompts: Sequence[str]) -> dict[str, list[bool]]:
    """Whether each tokenizer cuts each caption.

    Args:
        pipeline: A loaded pipeline of diffusers.
        limits: What `token_limits` tells of it.
        prompts: The captions.
    """
    tokens = {name: pipeline.components[name](list(prompts))["input_ids"] for name in limits}
    return {name: [len(line) > limits[name] for line in lines] for name, lines in tokens.items()}
