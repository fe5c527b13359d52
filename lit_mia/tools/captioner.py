"""Trains a small BLIP to caption images: the attacker's captioner of the demo."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import final

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import (
    BatchEncoding,
    BertTokenizer,
    BlipConfig,
    BlipForConditionalGeneration,
    BlipImageProcessor,
    BlipProcessor,
)

from lit_mia.tools.training import CaptionedBatch, ToolTraining


def train_wordpieces(texts: Sequence[str], vocabulary: int, length: int) -> BertTokenizer:
    """A BERT tokenizer (BLIP's kind) learned from `texts`.

    Args:
        texts: What to learn from.
        vocabulary: Number of tokens.
        length: Longest sequence, start and end tokens included.
    """
    special = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
    empty = BertTokenizer(vocab={token: index for index, token in enumerate(special)})
    tokenizer = empty.train_new_from_iterator(texts, vocabulary)
    tokenizer.model_max_length = length
    return tokenizer


@final
class CaptionerTraining(ToolTraining):
    """A transformers BLIP (arXiv 2201.12086) on distorted images, with two losses.

    The language model's loss alone learns the language long before it looks at the image. So the image encoder's first
    token also has to find its caption among all captions, a caption being the sum of its word embeddings.

    Args:
        tokenizer: A BERT tokenizer.
        captions: The distinct captions of the data.
        image_size: Side of the images in pixels.
        width: Width of the image encoder and of the text decoder.
        layers: Layers of the image encoder; the text decoder has 2.
        dropout: Dropout of the text decoder and of the image encoder's attention.
        lr: Peak learning rate of AdamW; decays along a cosine.
        steps: Optimiser steps of the schedule.
    """

    weight_decay, rise = 0.1, 0.1
    all_tokens: Tensor

    def __init__(
        self,
        tokenizer: BertTokenizer,
        captions: Sequence[str],
        image_size: int = 64,
        width: int = 128,
        layers: int = 4,
        dropout: float = 0.1,
        lr: float = 1.5e-3,
        steps: int = 3000,
    ) -> None:
        super().__init__()
        self.save_hyperparameters(ignore=["tokenizer", "captions"])
        self.tokenizer = tokenizer
        vision = {
            "hidden_size": width,
            "intermediate_size": 2 * width,
            "num_hidden_layers": layers,
            "num_attention_heads": 4,
            "image_size": image_size,
            "patch_size": 8,
            "attention_dropout": dropout,
            "initializer_range": 0.02,
        }
        text = {
            "vocab_size": len(tokenizer),
            "hidden_size": width,
            "intermediate_size": 2 * width,
            "num_hidden_layers": 2,
            "num_attention_heads": 4,
            "max_position_embeddings": tokenizer.model_max_length,
            "hidden_dropout_prob": dropout,
            "attention_probs_dropout_prob": dropout,
            "bos_token_id": tokenizer.cls_token_id,
            "eos_token_id": tokenizer.sep_token_id,
            "sep_token_id": tokenizer.sep_token_id,
            "pad_token_id": tokenizer.pad_token_id,
            "label_smoothing": 0.1,
        }
        self.blip = BlipForConditionalGeneration(BlipConfig(vision_config=vision, text_config=text))
        self.to_words = nn.Linear(width, width)
        self.log_scale = nn.Parameter(torch.tensor(2.66))
        self.place = {caption: row for row, caption in enumerate(captions)}
        self.register_buffer("all_tokens", self._tokens(captions)["input_ids"], persistent=False)

    def training_step(self, batch: CaptionedBatch, batch_idx: int) -> Tensor:
        """Cross-entropy of the caption's next tokens, and of the caption among all captions."""
        pixels = (distorted(batch.images) - 0.5) / 0.5
        seen = self.blip.vision_model(pixel_values=pixels).last_hidden_state
        telling, finding = self._next_tokens(seen, batch.captions), self._own_caption(seen[:, 0], batch.captions)
        self.log_dict({"train/telling": telling, "train/finding": finding}, prog_bar=True)
        return telling + finding

    def _next_tokens(self, seen: Tensor, captions: Sequence[str]) -> Tensor:
        tokens = self._tokens(captions).to(self.device)
        labels = tokens["input_ids"].masked_fill(tokens["attention_mask"] == 0, -100)
        loss: Tensor = self.blip.text_decoder(**tokens, encoder_hidden_states=seen, labels=labels).loss
        return loss

    def _own_caption(self, seen: Tensor, captions: Sequence[str]) -> Tensor:
        ids = self.all_tokens
        is_word = ids > max(self.tokenizer.all_special_ids)
        words = (self.blip.get_input_embeddings()(ids) * is_word.unsqueeze(-1)).sum(dim=1)
        image = F.normalize(self.to_words(seen).float(), dim=-1)
        logits = self.log_scale.exp() * image @ F.normalize(words.float(), dim=-1).T
        truth = torch.tensor([self.place[caption] for caption in captions], device=self.device)
        return F.cross_entropy(logits, truth, label_smoothing=0.1)

    def _tokens(self, captions: Sequence[str]) -> BatchEncoding:
        return self.tokenizer(
            list(captions), padding=True, truncation=True, return_token_type_ids=False, return_tensors="pt"
        )

    def export(self, folder: Path) -> None:
        """Save a folder for `from_pretrained`: the model in half precision and its processor."""
        side = int(self.hparams["image_size"])
        images = BlipImageProcessor(size={"height": side, "width": side}, image_mean=[0.5] * 3, image_std=[0.5] * 3)
        self.blip.half().save_pretrained(folder)
        BlipProcessor(images, self.tokenizer).save_pretrained(folder)


def distorted(images: Tensor) -> Tensor:
    """Each image moved, scaled, turned, recoloured and outlined by chance, so that a drawing's style matters less.

    Nothing is mirrored, because left and right are words of the captions.

    Args:
        images: `[b, 3, s, s]` in [0, 1], on white.

    Returns:
        The same shape and range.
    """
    return _outlined(_recoloured(_moved(images)))


def _moved(images: Tensor) -> Tensor:
    scale = _uniform(images, 0.8, 1.25)
    angle = _uniform(images, -0.15, 0.15)
    stretch = _uniform(images, 0.9, 1.1)
    shift = _uniform(images, -0.15, 0.15), _uniform(images, -0.15, 0.15)
    rows = [
        torch.stack([scale * stretch * angle.cos(), -scale * angle.sin(), shift[0]], dim=-1),
        torch.stack([scale * angle.sin(), scale / stretch * angle.cos(), shift[1]], dim=-1),
    ]
    grid = F.affine_grid(torch.stack(rows, dim=1), list(images.shape), align_corners=False)
    return 1 - F.grid_sample(1 - images, grid, align_corners=False)  # white outside


def _recoloured(images: Tensor) -> Tensor:
    """Random saturation, contrast of the ink against the white, and hue (a small rotation about the grey axis)."""
    grey = images.mean(dim=1, keepdim=True)
    colour = images - grey
    hue = _uniform(images, -0.5, 0.5)[:, None, None, None]
    turned = colour * hue.cos() + (colour.roll(1, dims=1) - colour.roll(2, dims=1)) / math.sqrt(3) * hue.sin()
    saturation = _uniform(images, 0.4, 1.5)[:, None, None, None]
    contrast = _uniform(images, 0.7, 1.3)[:, None, None, None]
    return (1 - contrast * (1 - grey) + saturation * turned).clamp(0, 1)


def _outlined(images: Tensor) -> Tensor:
    """Black lines along the edges of half of the images."""
    grey = images.mean(dim=1, keepdim=True)
    edges = F.max_pool2d(grey, 3, 1, 1) + F.max_pool2d(-grey, 3, 1, 1)
    strength = _uniform(images, -3, 3).clamp(min=0)[:, None, None, None]
    return images * (1 - (strength * edges).clamp(max=1))


def _uniform(images: Tensor, low: float, high: float) -> Tensor:
    return torch.rand(len(images), device=images.device) * (high - low) + low
