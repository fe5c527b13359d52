"""Trains the attacker's encoder of the demo, and the text encoder of its latent targets, both like a CLIP."""

from collections.abc import Sequence
from pathlib import Path
from typing import final

import torch
from open_clip.model import CLIP
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

from lit_mia.shadow.clip_parts import PREPROCESSING, ClipSize, bound_logit_scale, contrast, save_clip, text_settings
from lit_mia.tools.training import CaptionedBatch, ToolTraining

SMALL = ClipSize()


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


@final
class EncoderTraining(ToolTraining):
    """The attacker's encoder: an open_clip model with the CLIP loss (arXiv 2103.00020).

    Images whose captions agree up to the first comma share their right answers.

    Args:
        tokenizer: A CLIP tokenizer.
        size: Sizes of the towers.
        shift: Largest random shift of an image, in pixels.
        lr: Peak learning rate of AdamW; decays along a cosine.
        steps: Optimiser steps of the schedule.
    """

    weight_decay, rise = 0.1, 0.1

    def __init__(
        self,
        tokenizer: CLIPTokenizer,
        size: ClipSize = SMALL,
        shift: int = 4,
        lr: float = 1.0e-3,
        steps: int = 1500,
    ) -> None:
        super().__init__()
        self.save_hyperparameters(ignore=["tokenizer", "size"])
        self.tokenizer, self.shift = tokenizer, shift
        self.architecture = size.architecture(text_settings(tokenizer))
        self.clip = CLIP(**self.architecture)

    def training_step(self, batch: CaptionedBatch, batch_idx: int) -> Tensor:
        """Symmetric cross-entropy; the truth is shared by all images of one name (before the first comma)."""
        tokens = self.tokenizer(batch.captions, padding="max_length", truncation=True, return_tensors="pt")
        pixels = (_shifted(batch.images, self.shift) - 0.5) / 0.5
        image, text, scale = self.clip(pixels, tokens["input_ids"].to(self.device))[:3]
        return contrast_by_name(self, scale * image.float() @ text.float().T, batch.captions)

    def on_train_batch_end(self, *_: object) -> None:
        """Keep the logit scale below its limit."""
        bound_logit_scale(self.clip)

    def export(self, folder: Path) -> None:
        """Save a folder that open_clip loads as `local-dir:`; weights in half precision."""
        save_clip(folder, self.clip, self.architecture, PREPROCESSING)
        self.tokenizer.save_pretrained(folder)


def _shifted(images: Tensor, most: int) -> Tensor:
    """All images moved by one random offset, white at the edges."""
    side = images.shape[-1]
    top, left = (int(i) for i in torch.randint(0, 2 * most + 1, (2,)))
    return F.pad(images, (most,) * 4, value=1.0)[..., top : top + side, left : left + side]


def contrast_by_name(training: ToolTraining, logits: Tensor, captions: Sequence[str]) -> Tensor:
    """Symmetric cross-entropy where all images of one name (before the first comma) share the truth; it is logged.

    Args:
        training: What learns.
        logits: Of every image (rows) with every caption (columns), `[b, b]`.
        captions: The captions, or names alone.
    """
    truth = same_name(captions).to(training.device)
    loss = contrast(logits, truth)
    training.log("train/loss", loss, prog_bar=True)
    training.log("train/top1", (truth[torch.arange(len(truth)), logits.argmax(-1)] > 0).float().mean())
    return loss


def same_name(captions: Sequence[str]) -> Tensor:
    """How the right answers are shared: row `i` of `[b, b]` is even over the captions with the name of `i`."""
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
        loss = contrast(logits, truth)
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
