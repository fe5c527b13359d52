"""Which tensors of a LoRA file have become part of a pipeline: diffusers only warns of those that have not."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor, nn


def unused_weights(pipeline: Any, weights: Mapping[str, Tensor]) -> list[str]:
    """Names of the tensors in a LoRA file that no layer of a pipeline has taken, before they are fused.

    The names of a file say little, as there are many ways to write them; so it is the values that are looked for.

    Args:
        pipeline: The pipeline, after its `load_lora_weights`.
        weights: What the file holds, by name.
    """
    parts = [part for part in pipeline.components.values() if isinstance(part, nn.Module)]
    taken = [value for part in parts for name, value in part.state_dict().items() if "lora_" in name]
    matrices = {key: value for key, value in weights.items() if not key.endswith("alpha")}
    unused = _without(matrices, taken)
    if unused and _without({str(i): value for i, value in enumerate(taken)}, matrices.values()):
        # Some values are new: diffusers has scaled or split the tensors of this file, and they are looked for as such.
        leaves = {key: value.float().requires_grad_() for key, value in matrices.items()}
        converted = _converted(pipeline, {**weights, **leaves})
        total = torch.stack([value.sum() for value in converted.values() if value.requires_grad]).sum()
        reached = torch.autograd.grad(total, [*leaves.values()], allow_unused=True)
        dropped = [key for key, gradient in zip(leaves, reached, strict=True) if gradient is None]
        unused = dropped or _without({key: value.detach() for key, value in converted.items()}, taken)
    return sorted(unused)


def _converted(pipeline: Any, weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """What diffusers makes of a file's tensors before it looks for their layers."""
    answer = pipeline.lora_state_dict(weights)
    return dict(answer[0] if isinstance(answer, tuple) else answer)


def _without(weights: Mapping[str, Tensor], others: Iterable[Tensor]) -> list[str]:
    """Names of the tensors whose values are not among others, to the precision of these and as often."""
    others = list(others)
    left = Counter(_values(other) for other in others)
    kinds = {other.dtype for other in others}
    missing = []
    for key, value in weights.items():
        found = next((values for kind in kinds if left[values := _values(value.to(kind))]), None)
        if found is None:
            missing.append(key)
        else:
            left[found] -= 1
    return missing


def _values(tensor: Tensor) -> tuple[tuple[int, ...], bytes]:
    content = tensor.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy()
    return tuple(tensor.shape), hashlib.sha256(content.tobytes()).digest()
