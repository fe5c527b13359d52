"""Where networks run and at which precision, and the means against too little memory, which change no image."""

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Literal, TypeVar

import torch
from torch import Tensor, nn

from lit_mia.errors import ConfigError, TargetError
from lit_mia.models.memory import enough_memory
from lit_mia.models.network_needs import network_part

Precision = Literal["float32", "bfloat16", "float16"]
Offload = Literal["none", "model", "sequential"]
Batch = TypeVar("Batch")


LOCAL_RANKS = ("LOCAL_RANK", "SLURM_LOCALID")
"""Where a launcher, torchrun or srun, says which of the processes on its machine this one is."""


def resolve_device(device: str) -> torch.device:
    """The named device; for `auto` the current accelerator, or else the CPU.

    Of processes that a launcher started on one machine, each takes an accelerator of its own where none is named by a
    number.

    Raises:
        ConfigError: If this machine has no such device.
    """
    if device == "auto":
        found = torch.accelerator.current_accelerator(check_available=True)
        return torch.device("cpu") if found is None else _own(found)
    try:
        torch.empty(0, device=device)
    except (AssertionError, RuntimeError) as error:  # the former where torch was built without it
        raise ConfigError(
            f"`device` is {device!r}, but torch finds no such device on this machine. Set `device: auto`, or another."
        ) from error
    return _own(torch.device(device))


def _own(device: torch.device) -> torch.device:
    """The device of this process, where processes were launched together and none of them was given one yet."""
    ranks = [int(os.environ[name]) for name in LOCAL_RANKS if name in os.environ]
    if not ranks or ":" in str(device) or device.type in ("cpu", "meta"):
        return device
    given = torch.accelerator.current_device_index()
    return torch.device(device.type, given or ranks[0] % torch.accelerator.device_count())


@enough_memory()
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
    place, denoiser = resolve_device(device), network_part(pipeline)
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


@enough_memory()
def in_batches(
    encode: Callable[[Batch], Tensor], batches: Iterable[Batch], device: torch.device, dtype: Precision
) -> Tensor:
    """What a network makes of some batches, without gradients: float32 on the CPU, fit to train on.

    Args:
        encode: The network.
        batches: At least one.
        device: Where it runs.
        dtype: At which precision.
    """
    kind = getattr(torch, dtype)
    with full_float32(), torch.inference_mode(), torch.autocast(device.type, kind, enabled=kind is not torch.float32):
        parts = [encode(batch).float().cpu() for batch in batches]
    return torch.cat(parts)  # outside inference mode, so that heads can train on it


@contextmanager
def full_float32() -> Iterator[None]:
    """Compute float32 in float32, whatever the process allows.

    PyTorch lets convolutions on CUDA round their inputs to the 10 bits of TF32 unless it is told not to, and
    `torch.set_float32_matmul_precision` lets products do so too: answers would change with the device, and not with
    what a fingerprint says of it.
    """
    cudnn: Any = torch.backends.cudnn
    before = torch.get_float32_matmul_precision(), cudnn.conv.fp32_precision, cudnn.rnn.fp32_precision
    _allow("highest", "ieee", "ieee")
    try:
        yield
    finally:
        _allow(*before)


def _allow(products: str, convolutions: str, recurrent: str) -> None:
    """Say how float32 may be rounded, in PyTorch's old and its new settings, which must not contradict each other."""
    cudnn: Any = torch.backends.cudnn
    torch.set_float32_matmul_precision(products)
    cudnn.allow_tf32 = convolutions == "tf32"
    cudnn.conv.fp32_precision, cudnn.rnn.fp32_precision = convolutions, recurrent


def in_low_precision(network: nn.Module, dtype: torch.dtype, but: nn.Module) -> None:
    """Convert once the weights that autocast would convert at every call, which changes no result.

    Args:
        network: A network that runs under autocast; its other layers keep their type.
        dtype: The format of autocast.
        but: A part of it that is kept out of autocast.
    """
    exact = set(but.modules())
    for layer in network.modules():
        if isinstance(layer, nn.Linear | nn.Conv1d | nn.Conv2d | nn.Conv3d) and layer not in exact:
            layer.to(dtype)


def in_float32(layer: nn.Module) -> None:
    """Keep a layer out of autocast.

    bfloat16 has steps of 0.004 to 0.008 near 1, and the noise at t = 0 a deviation of 0.01: an input convolution in
    bfloat16 would round it away.

    Args:
        layer: A layer of one input; its weights keep their type.
    """
    forward: Callable[[Tensor], Tensor] = layer.forward
    kind = next(layer.parameters()).dtype

    def exact(x: Tensor) -> Tensor:
        with torch.autocast(x.device.type, enabled=False):
            return forward(x.to(kind))

    layer.forward = exact
