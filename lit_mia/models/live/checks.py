"""What cannot be a target in memory: no pipeline, one that is elsewhere, and one that does what no digest tells."""

import inspect
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from torch import Tensor, nn

from lit_mia.errors import TargetError
from lit_mia.models.live.outline import HOOKED, is_method
from lit_mia.models.live.weights import networks_of, weights_of

OTHERWISE = "Otherwise save it with `save_pretrained` and give the folder."


def check_pipeline(pipeline: object) -> None:
    """Refuse what is no pipeline of diffusers.

    Raises:
        TargetError: If it is not.
    """
    from diffusers import DiffusionPipeline

    if not isinstance(pipeline, DiffusionPipeline):
        raise TargetError(
            f"`from_pipeline` takes a loaded pipeline of diffusers, but got a {type(pipeline).__name__}. Give what "
            "`DiffusionPipeline.from_pretrained` returns; a folder or a hub id is given as `path`."
        )


def check_whole(pipeline: Any) -> None:
    """Refuse a pipeline whose weights are elsewhere, or that does more than its weights and settings tell.

    Raises:
        TargetError: If it is offloaded, on several devices, without values, quantised, or has methods of its own.
    """
    kind = f"This {type(pipeline).__name__}"
    for name, network in networks_of(pipeline).items():
        if any(map(_is_hooked, network.modules())):
            raise TargetError(
                f"{kind} moves or changes its {name} while it is called: by offloading, a device map, layerwise "
                "casting or a cache. Take that off and put the pipeline on one device (`pipeline.remove_all_hooks()`, "
                f"`pipeline.to(...)`). {OTHERWISE}"
            )
        if replaced := next(_replaced(network), None):
            raise TargetError(
                f"{kind} has a `{name}` of which the method `{replaced}` was replaced, as accelerate does for mixed "
                "precision, and no digest tells what it does now. Give the network as it was "
                f"(`accelerator.unwrap_model(..., keep_fp32_wrapper=False)`). {OTHERWISE}"
            )
    _check_weights(kind, weights_of(pipeline))


@contextmanager
def formats_that_fit(dtype: str) -> Iterator[None]:
    """Call a pipeline whose parts may be in number formats that do not go together, as libraries load them untold.

    Args:
        dtype: The formats, as a `PipelineSource` tells them.

    Raises:
        TargetError: If they do not.
    """
    try:
        yield
    except RuntimeError as error:
        if "," not in dtype or "type" not in str(error):
            raise
        raise TargetError(
            f"The parts of this pipeline are in several number formats ({dtype}) that do not go together: {error}. Put "
            "it into one, as by `pipeline.to(torch.float32)`, and make a new target of it."
        ) from error


def _check_weights(kind: str, weights: Mapping[str, Tensor]) -> None:
    empty = [name for name, weight in weights.items() if weight.is_meta]
    if empty:
        raise TargetError(
            f"{kind} lacks the values of {len(empty)} weights, e.g. {empty[:3]}: they are on the device `meta`, as "
            "offloading leaves them. Load it without offloading."
        )
    odd = [name for name, weight in weights.items() if type(weight) not in (Tensor, nn.Parameter)]
    if odd:
        raise TargetError(
            f"{kind} has {len(odd)} weights of the type {type(weights[odd[0]]).__name__}, e.g. {odd[:3]}, of which no "
            "digest is known: they are quantised, or shared out among processes. Give it with plain weights."
        )
    devices = sorted({str(weight.device) for weight in weights.values()})
    if len(devices) > 1:
        raise TargetError(
            f"{kind} is on several devices ({', '.join(devices)}), but runs where it is. Put it on one of them with "
            "`pipeline.to(...)`."
        )


def _is_hooked(module: nn.Module) -> bool:
    """Whether accelerate or diffusers do something around the call of a module."""
    of_diffusers = vars(module).get(HOOKED)
    return "_hf_hook" in vars(module) or (of_diffusers is not None and bool(of_diffusers.hooks))


def _replaced(network: nn.Module) -> Iterator[str]:
    """Names of methods in whose place something else was put."""
    for module in network.modules():
        for name, value in vars(module).items():
            if inspect.isroutine(getattr(type(module), name, None)) and not is_method(module, name, value):
                yield name
