"""LoRA on a network of diffusers, through `peft` (Hu et al. 2022, arXiv 2106.09685)."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from lit_mia.errors import TrainingError


def check_ends(network: Any, ends: Sequence[str]) -> None:
    """Refuse ends that no layer's name has, of which `peft` would train the others alone.

    Args:
        network: A network of diffusers.
        ends: Ends of the names of its layers.

    Raises:
        TrainingError: If one has no layer.
    """
    names = [f".{name}" for name, _ in network.named_modules()]
    unknown = [end for end in ends if not any(name.endswith(f".{end}") for name in names)]
    if unknown:
        raise TrainingError(
            f"`target_modules` names {', '.join(unknown)}, but no layer of this {type(network).__name__} ends so."
        )


def add_adapter(network: Any, rank: int, alpha: int, ends: Sequence[str]) -> None:
    """Add trainable matrices that begin as nothing: A normal, B zero, both float32.

    Args:
        network: A network of diffusers, frozen.
        rank: Rank of the product BA.
        alpha: The product is multiplied by `alpha / rank`.
        ends: Ends of the names of the layers that it is added to.

    Raises:
        TrainingError: If there are no such layers.
    """
    from diffusers.training_utils import cast_training_params
    from peft import LoraConfig

    config = LoraConfig(r=rank, lora_alpha=alpha, init_lora_weights="gaussian", target_modules=list(ends))
    try:
        network.add_adapter(config)
    except ValueError as error:
        raise TrainingError(f"LoRA cannot be added to this {type(network).__name__}: {error}") from error
    cast_training_params(network, dtype=torch.float32)


def save_adapter(pipeline: Any, part: str, folder: Path) -> None:
    """Write `pytorch_lora_weights.safetensors`, as diffusers' own scripts do.

    Args:
        pipeline: The pipeline.
        part: Name of the part that has the adapter.
        folder: Folder to write.
    """
    from peft import get_peft_model_state_dict

    network = pipeline.components[part]
    pipeline.save_lora_weights(
        folder,
        **{
            f"{part}_lora_layers": get_peft_model_state_dict(network),
            f"{part}_lora_adapter_metadata": network.peft_config["default"].to_dict(),
        },
    )
