"""The weights of a pipeline in memory: their digests, whether they have changed, and modules that share them."""

import copy
import hashlib
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from typing import Any

import torch
from torch import Tensor, nn
from torch._dynamo.eval_frame import OptimizedModule

CHUNK = 2**26
"""Bytes that are copied from an accelerator at once."""
_ROW = 64
"""Words of 8 bytes that are summed up as one."""


def parts_of(pipeline: Any) -> dict[str, Any]:
    """The parts of a pipeline by name, without those that it lacks; of compiled networks what was compiled."""
    parts = {name: part for name, part in pipeline.components.items() if part is not None}
    return {name: part._orig_mod if isinstance(part, OptimizedModule) else part for name, part in parts.items()}


def networks_of(pipeline: Any) -> dict[str, nn.Module]:
    """The parts of a pipeline that are networks."""
    return {name: part for name, part in parts_of(pipeline).items() if isinstance(part, nn.Module)}


def weights_of(pipeline: Any) -> dict[str, Tensor]:
    """All parameters and buffers of a pipeline, the persistent ones and the others."""
    return {
        f"{part}.{name}": tensor
        for part, network in networks_of(pipeline).items()
        for name, tensor in chain(network.named_parameters(), network.named_buffers())
    }


def digest_of(tensor: Tensor) -> str:
    """SHA-256 of the values of a tensor, whatever device it is on and however it is laid out."""
    digest = hashlib.sha256()
    for chunk in torch.split(_bytes(tensor), CHUNK):
        digest.update(chunk.cpu().numpy().data)
    return digest.hexdigest()


def digests(weights: Mapping[str, Tensor]) -> dict[str, str]:
    """What `digest_of` tells of each tensor."""
    with ThreadPoolExecutor() as pool:  # hashing leaves other threads alone
        return dict(zip(weights, pool.map(digest_of, weights.values()), strict=True))


def sums(weights: Mapping[str, Tensor]) -> dict[str, int]:
    """A sum over the bits of each tensor and their places, which a training changes; much faster than a digest."""
    return {name: _sum(tensor) for name, tensor in weights.items()}


def sharing_weights(pipeline: Any) -> Any:
    """A pipeline with modules, settings and a sampler of its own, but with the same weights in the same memory.

    Its networks are set for inference, and what is done to its objects is not done to those of the other: only who
    writes into the memory of a weight changes both.
    """
    shared: dict[int, Any] = {}
    for network in networks_of(pipeline).values():
        shared |= {id(weight): nn.Parameter(weight.detach(), requires_grad=False) for weight in network.parameters()}
        shared |= {id(buffer): buffer.detach() for buffer in network.buffers()}
    for part in pipeline.components.values():
        if isinstance(part, OptimizedModule):
            shared[id(part)] = copy.deepcopy(part._orig_mod, shared)
    copied = copy.deepcopy(pipeline, shared)
    for network in networks_of(copied).values():
        network.eval()
    return copied


def _sum(tensor: Tensor) -> int:
    values = _bytes(tensor)
    square = len(values) // (8 * _ROW) * 8 * _ROW
    table = values[:square].view(torch.int64).view(-1, _ROW)
    parts = (table.sum(0), table.sum(1), values[square:])
    return sum(int((part * torch.arange(1, len(part) + 1, device=part.device)).sum()) for part in parts)


def _bytes(tensor: Tensor) -> Tensor:
    flat = tensor.detach().reshape(-1).view(torch.uint8)
    return flat if flat.storage_offset() % 8 == 0 else flat.clone()
