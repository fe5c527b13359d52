"""Trains a small open_clip model: the attacker's encoder of the demo."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, final

import lightning as L
import torch
from lightning.pytorch.utilities.types import OptimizerLRScheduler
from torch import Tensor
from torch.nn import functional as F

from lit_mia.shadow.data import CaptionedBatch
from lit_mia.shadow.schedule import one_cycle

if TYPE_CHECKING:
    from transformers import CLIPTokenizer


@final
class ClipTraining(L.LightningModule):
    """An open_clip model with the CLIP loss (arXiv 2103.00020); images of one name are all right answers.

    Args:
        tokenizer: A CLIP tokenizer.
        image_size: Side of the images in pixels.
        width: Width of both towers and of the embedding.
        layers: Layers of the image tower; the text tower has one less.
        shift: Largest random shift of an image, in pixels.
        lr: Peak learning rate of AdamW; decays along a cosine.
        steps: Optimiser steps of the schedule.
    """

    def __init__(
        self,
        tokenizer: "CLIPTokenizer",
        image_size: int = 64,
        width: int = 192,
        layers: int = 4,
        shift: int = 4,
        lr: float = 1.0e-3,
        steps: int = 1500,
    ) -> None:
        super().__init__()
        self.save_hyperparameters(ignore=["tokenizer"])
        from open_clip.model import CLIP

        self.tokenizer, self.shift = tokenizer, shift
        self.architecture: dict[str, Any] = {
            "embed_dim": width,
            "vision_cfg": {
                "image_size": image_size,
                "patch_size": 8,
                "layers": layers,
                "width": width,
                "head_width": 48,
            },
            "text_cfg": {
                "context_length": tokenizer.model_max_length,
                "vocab_size": len(tokenizer),
                "hf_tokenizer_name": "local",  # open_clip then reads the tokenizer beside the weights
                "width": width,
                "heads": 4,
                "layers": layers - 1,
                "pool_type": "eos",
                "eos_id": tokenizer.eos_token_id,
                "pad_id": tokenizer.pad_token_id,
            },
        }
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

    def configure_optimizers(self) -> OptimizerLRScheduler:
        """AdamW with a one-cycle schedule."""
        lr, steps = float(self.hparams["lr"]), int(self.hparams["steps"])
        return one_cycle(self.clip.parameters(), lr, steps, weight_decay=0.1, rise=0.1)

    def export(self, folder: Path) -> None:
        """Save a folder that open_clip loads as `local-dir:`; weights in half precision."""
        from safetensors.torch import save_file

        folder.mkdir(parents=True, exist_ok=True)
        preprocess = {"mean": [0.5] * 3, "std": [0.5] * 3, "interpolation": "bicubic", "resize_mode": "squash"}
        config = {"model_cfg": self.architecture, "preprocess_cfg": preprocess}
        (folder / "open_clip_config.json").write_text(json.dumps(config, indent=1))
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
