"""What trainings of CLIPs share: the sizes of a small model, its tokenizer, and the folder that open_clip reads."""

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lit_mia.errors import TrainingError

LARGEST_LOGIT_SCALE = math.log(100)
"""As in the CLIP paper, section 2.5."""
PATCH = 8
"""Side in pixels of the patches into which small models cut images."""
TEXT_HEADS = 4
"""Attention heads of the text tower of small models."""
LONGEST_TEXT = 77
"""Tokens that a CLIP reads at most, also where a tokenizer names no limit."""
PREPROCESSING = {"mean": [0.5] * 3, "std": [0.5] * 3, "interpolation": "bicubic", "resize_mode": "squash"}
"""How small models are shown images."""


@dataclass(frozen=True)
class ClipSize:
    """Sizes of the two towers.

    Attributes:
        image_size: Side of the images in pixels.
        width: Width of the image tower.
        layers: Layers of the image tower.
        head_width: Width of an attention head of the image tower.
        mlp_ratio: Width of the image tower's MLPs over its own.
        text_width: Width of the text tower.
        text_layers: Layers of the text tower.
        dimension: Length of the embeddings.
    """

    image_size: int = 64
    width: int = 192
    layers: int = 4
    head_width: int = 48
    mlp_ratio: float = 4.0
    text_width: int = 192
    text_layers: int = 3
    dimension: int = 192

    def __post_init__(self) -> None:
        """Check what must divide what.

        Raises:
            TrainingError: If it does not.
        """
        for whole, part in (("image_size", PATCH), ("width", self.head_width), ("text_width", TEXT_HEADS)):
            if getattr(self, whole) % part:
                raise TrainingError(f"`{whole}` must be a multiple of {part}, but got {getattr(self, whole)}.")

    def architecture(self, text: Mapping[str, Any]) -> dict[str, Any]:
        """The model as open_clip's configuration files describe it.

        Args:
            text: What the tokenizer adds to the description of the text tower.
        """
        vision = {
            "image_size": self.image_size,
            "patch_size": PATCH,
            "layers": self.layers,
            "width": self.width,
            "head_width": self.head_width,
            "mlp_ratio": self.mlp_ratio,
        }
        text_tower = {**text, "width": self.text_width, "heads": TEXT_HEADS, "layers": self.text_layers}
        return {"embed_dim": self.dimension, "vision_cfg": vision, "text_cfg": text_tower}


def text_settings(tokenizer: Any) -> dict[str, Any]:
    """What open_clip has to know of a tokenizer of transformers that lies beside the weights."""
    return {
        "context_length": min(tokenizer.model_max_length, LONGEST_TEXT),
        "vocab_size": len(tokenizer),
        "hf_tokenizer_name": "local",  # open_clip then reads the tokenizer beside the weights
        "pool_type": "eos",
        "eos_id": tokenizer.eos_token_id,
        "pad_id": tokenizer.pad_token_id,
    }


def matrices_and_others(parameters: Iterable[nn.Parameter]) -> list[dict[str, Any]]:
    """Matrices, which decay, apart from gains, biases and the logit scale, which do not (CLIP, section 2.5)."""
    every = list(parameters)
    vectors = [p for p in every if p.ndim < 2]
    return [{"params": [p for p in every if p.ndim > 1]}, {"params": vectors, "weight_decay": 0.0}]


def contrast(logits: Tensor, truth: Tensor) -> Tensor:
    """Symmetric cross-entropy: which text belongs to an image, and which image to a text (CLIP, figure 3).

    Args:
        logits: Of every image (rows) with every text (columns), `[b, b]`.
        truth: The place of the right one, `[b]`, or how it is shared, `[b, b]` and the same in both directions.
    """
    return (F.cross_entropy(logits, truth) + F.cross_entropy(logits.T, truth)) / 2


@torch.no_grad()
def bound_logit_scale(clip: Any) -> None:
    """Keep the logit scale below its limit."""
    clip.logit_scale.clamp_(max=LARGEST_LOGIT_SCALE)


def save_clip(folder: Path, clip: nn.Module, architecture: Mapping[str, Any], preprocessing: Mapping[str, Any]) -> None:
    """Save what open_clip loads as `local-dir:`, but for the tokenizer; weights in half precision.

    Args:
        folder: Where.
        clip: The model.
        architecture: Its description in open_clip's words.
        preprocessing: How it is shown images, in open_clip's words.
    """
    from safetensors.torch import save_file

    folder.mkdir(parents=True, exist_ok=True)
    config = {"model_cfg": architecture, "preprocess_cfg": preprocessing}
    (folder / "open_clip_config.json").write_text(json.dumps(config, indent=1), encoding="utf-8")
    state = {name: value.half().contiguous().cpu() for name, value in clip.state_dict().items()}
    save_file(state, folder / "open_clip_model.safetensors")
