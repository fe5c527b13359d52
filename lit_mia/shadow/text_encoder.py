"""Trains the tokenizer and the CLIP text encoder of a latent diffusion target."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, final

import lightning as L
import torch
from lightning.pytorch.utilities.types import OptimizerLRScheduler
from torch import Tensor, nn
from torch.nn import functional as F

from lit_mia.shadow.data import CaptionedBatch
from lit_mia.shadow.schedule import one_cycle

if TYPE_CHECKING:
    from transformers import CLIPTokenizer


def train_tokenizer(texts: Sequence[str], vocabulary: int, length: int) -> "CLIPTokenizer":
    """A CLIP byte-pair tokenizer learned from `texts`.

    Args:
        texts: What to learn from.
        vocabulary: Number of tokens.
        length: Longest sequence, start and end tokens included.
    """
    from transformers import CLIPTokenizer

    empty = CLIPTokenizer(vocab={"<|startoftext|>": 0, "<|endoftext|>": 1}, merges=[])
    tokenizer = empty.train_new_from_iterator(texts, vocabulary)
    tokenizer.model_max_length = length
    return tokenizer


@final
class TextEncoderTraining(L.LightningModule):
    """A transformers `CLIPTextModel`, contrasted with a small image network (CLIP, arXiv 2103.00020), which is dropped.

    Args:
        tokenizer: The tokenizer of the target.
        width: Width of the text model.
        layers: Layers of the text model.
        heads: Attention heads.
        lr: Peak learning rate of AdamW; decays along a cosine.
        steps: Optimiser steps of the schedule.
    """

    def __init__(
        self,
        tokenizer: "CLIPTokenizer",
        width: int = 128,
        layers: int = 3,
        heads: int = 4,
        lr: float = 1.0e-3,
        steps: int = 1000,
    ) -> None:
        super().__init__()
        self.save_hyperparameters(ignore=["tokenizer"])
        from transformers import CLIPTextConfig, CLIPTextModel

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

    def configure_optimizers(self) -> OptimizerLRScheduler:
        """AdamW with a one-cycle schedule."""
        lr, steps = float(self.hparams["lr"]), int(self.hparams["steps"])
        return one_cycle(self.parameters(), lr, steps, weight_decay=0.05, rise=0.1)

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
