"""Puts a loaded pipeline where it runs, with the means against too little memory. None of this changes an image."""

from typing import Any, Literal

import torch

from lit_mia.errors import TargetError

Offload = Literal["none", "model", "sequential"]


def resolve_device(device: str) -> torch.device:
    """The named device; for `auto` the current accelerator, or else the CPU."""
    if device != "auto":
        return torch.device(device)
    return torch.accelerator.current_accelerator(check_available=True) or torch.device("cpu")


def place(pipeline: Any, device: str, offload: Offload, attention_slicing: bool, compile: bool) -> Any:
    """Put a pipeline on a device.

    Args:
        pipeline: A loaded pipeline of diffusers.
        device: A torch device, or `auto`.
        offload: What waits in the CPU's memory: nothing, the models that are not at work, or all but one layer.
        attention_slicing: Compute attention in slices, where the denoiser can.
        compile: Compile the denoiser with `torch.compile`.

    Raises:
        TargetError: If offloading has nothing to load to, or is not possible.
    """
    place, denoiser = resolve_device(device), pipeline.components.get("unet") or pipeline.components.get("transformer")
    if attention_slicing:
        pipeline.enable_attention_slicing()
    if compile and denoiser is not None:
        denoiser.compile()
    if offload == "none":
        return pipeline.to(place)
    if place.type == "cpu":
        raise TargetError(f"`offload: {offload}` needs an accelerator to load to, but the device is the CPU.")
    try:
        enable = "enable_model_cpu_offload" if offload == "model" else "enable_sequential_cpu_offload"
        getattr(pipeline, enable)(device=place)
    except (ImportError, ValueError) as error:
        raise TargetError(f"`offload: {offload}` is not possible: {error}") from error
    return pipeline
