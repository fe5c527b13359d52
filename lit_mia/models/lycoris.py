"""LoHa and LoKr files, as LyCORIS writes them: low-rank changes of weights that diffusers does not read."""

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn

_PREFIXES = {
    "unet": ("lora_unet",),
    "transformer": ("lora_unet", "lora_transformer"),
    "text_encoder": ("lora_te", "lora_te1", "lora_te_text_model", "lora_te1_text_model"),
    "text_encoder_2": ("lora_te2", "lora_te2_text_model"),
}
_LOHA = {"hada_w1_a", "hada_w1_b", "hada_w2_a", "hada_w2_b"}
_LOKR_FACTORS = ({"lokr_w1"}, {"lokr_w1_a", "lokr_w1_b"}), ({"lokr_w2"}, {"lokr_w2_a", "lokr_w2_b"})
_FORMS = [_LOHA, *(first | second for first in _LOKR_FACTORS[0] for second in _LOKR_FACTORS[1])]


def is_lycoris(weights: Mapping[str, Tensor]) -> bool:
    """Whether a file of weights is LoHa or LoKr."""
    return any(re.search(r"\.(hada|lokr)_", key) for key in weights)


@torch.no_grad()
def fuse_lycoris(
    pipeline: Any, weights: Mapping[str, Tensor], scale: float, before: Callable[[nn.Module], None]
) -> None:
    """Add the changes of a LoHa or LoKr file to the weights of a pipeline.

    Args:
        pipeline: The pipeline.
        weights: What the file holds, by name.
        scale: Factor of the changes.
        before: Called with each layer that will change, maybe repeatedly.

    Raises:
        ValueError: If a change is of no layer of the pipeline, or in a form that is not read.
    """
    layers = dict(_layers(pipeline.components))
    changes: defaultdict[str, dict[str, Tensor]] = defaultdict(dict)
    for key, value in weights.items():
        place, _, factor = key.partition(".")
        changes[place][factor] = value
    lost = [place for place in changes if place not in layers]
    if lost:
        raise ValueError(f"{len(lost)} of its {len(changes)} changes are of no layer, e.g. {sorted(lost)[:3]}")
    for place, factors in changes.items():
        weight = layers[place].weight
        change = _change({name: value.float() for name, value in factors.items()}, place)
        if change.numel() != weight.numel():
            raise ValueError(f"{place} changes {change.numel()} numbers, but the layer has {weight.numel()}")
        before(layers[place])
        weight += scale * change.reshape(weight.shape).to(weight)


def _layers(parts: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Linear and convolutional layers under the names that such files give them."""
    for part, prefixes in _PREFIXES.items():
        network = parts.get(part)
        for name, layer in network.named_modules() if isinstance(network, nn.Module) else ():
            if isinstance(layer, nn.Linear | nn.Conv2d):
                for prefix in prefixes:
                    yield f"{prefix}_{name.replace('.', '_')}", layer


def _change(factors: Mapping[str, Tensor], place: str) -> Tensor:
    """What is added to a layer's weight, with as many numbers and in their order.

    LyCORIS scales by `alpha / rank`, but not two whole factors of LoKr, which have no rank.
    """
    names = factors.keys() - {"alpha"}
    if names not in _FORMS:
        raise ValueError(f"{place} has the factors {sorted(names)}, of which no known form of LoHa or LoKr is made")
    ranks = [value.shape[0] for name, value in factors.items() if name.endswith("_b")]
    scale = factors["alpha"].item() / ranks[0] if ranks and "alpha" in factors else 1.0
    if names == _LOHA:
        first, second = (factors[f"hada_{w}_a"] @ factors[f"hada_{w}_b"] for w in ("w1", "w2"))
        return scale * first * second
    first, second = (_lokr_factor(factors, w) for w in ("w1", "w2"))
    return scale * torch.kron(first.reshape(*first.shape, *[1] * (second.ndim - 2)), second.contiguous())


def _lokr_factor(factors: Mapping[str, Tensor], name: str) -> Tensor:
    whole = f"lokr_{name}"
    return factors[whole] if whole in factors else factors[f"{whole}_a"] @ factors[f"{whole}_b"]
