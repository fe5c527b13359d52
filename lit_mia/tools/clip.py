"""Trains CLIPs and their tokenizer.

A small open_clip model is the attacker's encoder of the demo, or a target of identity inference; the text encoder of a
latent diffusion target is trained like one.
"""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, final

import torch
from open_clip.model import CLIP
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

from lit_mia.tools.training import CaptionedBatch, ToolTraining

LARGEST_LOGIT_SCALE = math.log(100)  # as in the CLIP paper, section 2.5


def train_tokenizer(texts: Sequence[str], vocabulary: int, length: int) -> CLIPTokenizer:
    """A CLIP byte-pair tokenizer learned from `texts`.

    Args:
        texts: What to learn from.
        vocabulary: Number of tokens.
        length: Longest sequence, start and end tokens included.
    """
    empty = CLIPTokenizer(vocab={"<|startoftext|>": 0, "<|endoftext|>": 1}, merges=[])
    tokenizer = empty.train_new_from_iterator(texts, vocabulary)
    tokenizer.model_max_length = length
    return tokenizer


@dataclass(frozen=True)
class ClipSize:
    """Sizes of the two towers; the image tower cuts its images into patches of 8 pixels.

    Attributes:
        image_size: Side of the images in pixels.
        width: Width of the image tower.
        layers: Layers of the image tower.
        head_width: Width of an attention head of the image tower.
        mlp_ratio: Width of the image tower's MLPs over its own.
        text_width: Width of the text tower, which has four attention heads.
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

    def architecture(self, tokenizer: CLIPTokenizer) -> dict[str, Any]:
        """The model as open_clip's configuration files describe it."""
        return {
            "embed_dim": self.dimension,
            "vision_cfg": {
                "image_size": self.image_size,
                "patch_size": 8,
                "layers": self.layers,
                "width": self.width,
                "head_width": self.head_width,
                "mlp_ratio": self.mlp_ratio,
            },
            "text_cfg": {
                "context_length": tokenizer.model_max_length,
                "vocab_size": len(tokenizer),
                "hf_tokenizer_name": "local",  # open_clip then reads the tokenizer beside the weights
                "width": self.text_width,
                "heads": 4,
                "layers": self.text_layers,
                "pool_type": "eos",
                "eos_id": tokenizer.eos_token_id,
                "pad_id": tokenizer.pad_token_id,
            },
        }


@final
class ClipTraining(ToolTraining):
    """An open_clip model with the CLIP loss (arXiv 2103.00020).

    Images whose captions agree up to the first comma share their right answers. Where no caption has a comma, this is
    the loss of CLIP: equal captions have equal logits, so it makes no difference how the truth is shared among them.

    Args:
        tokenizer: A CLIP tokenizer.
        size: Sizes of the towers.
        decay: What weight decay pulls to zero: every parameter, or only `matrices` (no gains, biases or logit scale).
        shift: Largest random shift of an image, in pixels.
        lr: Peak learning rate of AdamW; decays along a cosine.
        rise: Share of the steps over which the learning rate rises.
        steps: Optimiser steps of the schedule.
    """

    weight_decay = 0.1

    def __init__(
        self,
        tokenizer: CLIPTokenizer,
        size: ClipSize = ClipSize(),
        decay: Literal["all", "matrices"] = "all",
        shift: int = 4,
        lr: float = 1.0e-3,
        rise: float = 0.1,
        steps: int = 1500,
    ) -> None:
        super().__init__()
        self.save_hyperparameters(ignore=["tokenizer", "size"])
        self.tokenizer, self.decay, self.shift, self.rise = tokenizer, decay, shift, rise
        self.architecture = size.architecture(tokenizer)
        self.clip = CLIP(**self.architecture)

    def training_step(self, batch: CaptionedBatch, batch_idx: int) -> Tensor:
        """Symmetric cross-entropy; the truth is shared by all images of one name (before the first comma)."""
        tokens = self.tokenizer(batch.captions, padding="max_length", truncation=True, return_tensors="pt")
        pixels = (_shifted(batch.images, self.shift) - 0.5) / 0.5
        image, text, scale = self.clip(pixels, tokens["input_ids"].to(self.device))[:3]
        logits = scale * image.float() @ text.float().T
        truth = _same_name(batch.captions).to(self.device)
        loss = (F.cross_entropy(logits, truth) + F.cross_entropy(logits.T, truth)) / 2
        self.log("train/loss", loss, prog_bar=True)
        self.log("train/top1", (truth[torch.arange(len(truth)), logits.argmax(-1)] > 0).float().mean())
        return loss

    @torch.no_grad()
    def on_train_batch_end(self, *_: object) -> None:
        """Keep the logit scale below its limit."""
        self.clip.logit_scale.clamp_(max=LARGEST_LOGIT_SCALE)

    def trained(self) -> list[dict[str, Any]]:
        """All parameters, or matrices apart from the rest, which does not decay."""
        parameters = list(self.clip.parameters())
        if self.decay == "all":
            return [{"params": parameters}]
        vectors = [p for p in parameters if p.ndim < 2]
        return [{"params": [p for p in parameters if p.ndim > 1]}, {"params": vectors, "weight_decay": 0.0}]

    def export(self, folder: Path) -> None:
        """Save a folder that open_clip loads as `local-dir:`; weights in half precision."""
        folder.mkdir(parents=True, exist_ok=True)
        preprocess = {"mean": [0.5] * 3, "std": [0.5] * 3, "interpolation": "bicubic", "resize_mode": "squash"}
        config = {"model_cfg": self.architecture, "preprocess_cfg": preprocess}
        (folder / "open_clip_config.json").write_text(json.dumps(config, indent=1), encoding="utf-8")
        state = {name: value.half().contiguous() for name, value in self.clip.state_dict().items()}
        save_file(state, folder / "open_clip_model.safetensors")
        self.tokenizer.save_pretrained(folder)


def _shifted(images: Tensor, most: int) -> Tensor:
    """All images moved by one random offset, white at the edges."""
    side = images.shape[-1]
    top, left = (int(i) for i in torch.randint(0, 2 * most + 1, (2,)))
    return F.pad(images, (most,) * 4, value=1.0)[..., top : top + side, left : left + side]


def _same_name(captions: Sequence[str]) -> Tensor:
    names = [caption.split(",")[0] for caption in captions]
    same = torch.tensor([[a == b for b in names] for a in names], dtype=torch.float32)
    return same / same.sum(dim=-1, keepdim=True)


@final
class TextEncoderTraining(ToolTraining):
    """A transformers `CLIPTextModel`, contrasted with a small image network (CLIP, arXiv 2103.00020), which is dropped.

    Args:
        tokenizer: The tokenizer of the target.
        width: Width of the text model.
        layers: Layers of the text model.
        heads: Attention heads.
        lr: Peak learning rate of AdamW; decays along a cosine.
        steps: Optimiser steps of the schedule.
    """

    weight_decay, rise = 0.05, 0.1

    def __init__(
        self,
        tokenizer: CLIPTokenizer,
        width: int = 128,
        layers: int = 3,
        heads: int = 4,
        lr: float = 1.0e-3,
        steps: int = 1000,
    ) -> None:
        super().__init__()
        self.save_hyperparameters(ignore=["tokenizer"])
        self.tokenizer = tokenizer
        self.text = CLIPTextModel(
            CLIPTextConfig(
                vocab_size=len(tokenizer),
                hidden_size=width,
                intermediate_size=4 * width,
                num_hidden_layers=layers,
                num_attention_heads=heads,
                max_position_embeddings=tokenizer.model_max_length,
                bos_token_id=tokenizer.bos_token_id,
                eos_token_id=tokenizer.eos_token_id,
                pad_token_id=tokenizer.pad_token_id,
            )
        )
        self.image = _image_network(width)
        self.log_scale = nn.Parameter(torch.tensor(2.66))

    def training_step(self, batch: CaptionedBatch, batch_idx: int) -> Tensor:
        """Symmetric InfoNCE over the batch."""
        tokens = self.tokenizer(batch.captions, padding="max_length", truncation=True, return_tensors="pt")
        text = F.normalize(self.text(tokens["input_ids"].to(self.device)).pooler_output.float(), dim=-1)
        image = F.normalize(self.image(batch.images).float(), dim=-1)
        logits = self.log_scale.exp().clamp(max=100) * image @ text.T
        truth = torch.arange(len(logits), device=self.device)
        loss = (F.cross_entropy(logits, truth) + F.cross_entropy(logits.T, truth)) / 2
        self.log("train/loss", loss, prog_bar=True)
        self.log("train/top1", (logits.argmax(-1) == truth).float().mean())
        return loss

    def export(self, folder: Path) -> None:
        """Save text encoder (half precision) and tokenizer under `folder`."""
        self.text.half().save_pretrained(folder / "text_encoder")
        self.tokenizer.save_pretrained(folder / "tokenizer")


def _image_network(width: int) -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(3, 48, 4, stride=4),
        nn.GELU(),
        nn.Conv2d(48, 96, 3, stride=2, padding=1),
        nn.GELU(),
        nn.Conv2d(96, 192, 3, stride=2, padding=1),
        nn.GELU(),
        nn.Flatten(),
        nn.LazyLinear(width),
    )
