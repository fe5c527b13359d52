"""Trains a DALL·E-mini-style target whose members are known: transformers' BART over the codes of a VQModel."""

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple, final

import torch
from diffusers import VQModel
from lightning.pytorch.utilities.types import OptimizerLRScheduler
from torch import Tensor
from torch.nn import functional as F
from transformers import AutoTokenizer, BartConfig, BartForConditionalGeneration, PreTrainedTokenizerBase

from lit_mia.errors import TargetError
from lit_mia.models.whole import load_whole
from lit_mia.shadow.training import EncodedDataModule, TargetTraining, one_cycle


class TokenBatch(NamedTuple):
    """Image codes, long `[b, l]`, and a caption for each."""

    codes: Tensor
    captions: list[str]


@final
class TokenDataModule(EncodedDataModule[TokenBatch]):
    """Image codes and captions; the network is a VQModel."""

    def setup(self, stage: str) -> None:
        """Encode all images."""
        self.codes = encode_codes(Path(self.networks), self.images)

    def __getitem__(self, rows: list[int]) -> TokenBatch:
        return TokenBatch(self.codes[rows], [self.captions[row] for row in rows])


@final
class Seq2SeqTraining(TargetTraining):
    """Cross-entropy of the image codes given the caption (Dayma et al., DALL·E mini, 2021).

    Args:
        tokenizer: Folder of the tokenizer.
        codes: Entries of the VQModel's codebook.
        image_tokens: Codes of an image.
        width: Width of the model.
        encoder_layers: Layers that read the caption.
        decoder_layers: Layers that write the image tokens.
        heads: Attention heads.
        dropout: Dropout on hidden states.
        caption_dropout: Share of captions replaced by the empty text, for super conditioning.
        lr: Peak learning rate of AdamW.
        weight_decay: Weight decay of AdamW.
        steps: Optimiser steps of the schedule.
        start: Folder of an exported model to start from, or None for random weights.
    """

    def __init__(
        self,
        tokenizer: str,
        codes: int = 512,
        image_tokens: int = 64,
        width: int = 128,
        encoder_layers: int = 2,
        decoder_layers: int = 4,
        heads: int = 4,
        dropout: float = 0.1,
        caption_dropout: float = 0.1,
        lr: float = 1.5e-3,
        weight_decay: float = 0.01,
        steps: int = 1000,
        start: str | None = None,
    ) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(tokenizer, local_files_only=True)
        words = len(self.tokenizer)
        if start is None:
            self.bart: Any = BartForConditionalGeneration(
                BartConfig(
                    vocab_size=words + codes,
                    d_model=width,
                    encoder_layers=encoder_layers,
                    decoder_layers=decoder_layers,
                    encoder_attention_heads=heads,
                    decoder_attention_heads=heads,
                    encoder_ffn_dim=4 * width,
                    decoder_ffn_dim=4 * width,
                    max_position_embeddings=max(image_tokens, self.tokenizer.model_max_length),
                    dropout=dropout,
                    pad_token_id=self.tokenizer.pad_token_id,
                    bos_token_id=self.tokenizer.bos_token_id,
                    eos_token_id=self.tokenizer.eos_token_id,
                    decoder_start_token_id=self.tokenizer.bos_token_id,
                    forced_eos_token_id=None,
                    image_token_offset=words,
                    image_tokens=image_tokens,
                )
            )
        else:
            self.bart = load_whole(
                BartForConditionalGeneration,
                start,
                TargetError,
                torch_dtype=torch.float32,
                local_files_only=True,
                dropout=dropout,
            )

    def loss(self, batch: TokenBatch) -> Tensor:
        """Mean cross-entropy of all image tokens, in nats."""
        dropped = torch.rand(len(batch.captions)) < float(self.hparams["caption_dropout"])
        captions = ["" if drop else caption for caption, drop in zip(batch.captions, dropped, strict=True)]
        return token_losses(self.bart, self.tokenizer, captions, batch.codes).mean()

    def configure_optimizers(self) -> OptimizerLRScheduler:
        """AdamW with a one-cycle schedule."""
        lr, steps, decay = (self.hparams[name] for name in ("lr", "steps", "weight_decay"))
        return one_cycle(self.bart.parameters(), float(lr), int(steps), float(decay), rise=0.05)

    def export(self, folder: Path, membership: Mapping[str, object]) -> None:
        """Save model and tokenizer in one folder."""
        copy.deepcopy(self.bart).half().save_pretrained(folder)
        self.tokenizer.save_pretrained(folder)
        self.write_membership(folder, membership)


def token_losses(bart: Any, tokenizer: Any, captions: list[str], codes: Tensor) -> Tensor:
    """Cross-entropy of every image code given the caption and the codes before it, in nats, `[b, l]`.

    Args:
        bart: A BART whose image tokens begin at `config.image_token_offset`.
        tokenizer: Its tokenizer.
        captions: The texts.
        codes: Image codes, long `[b, l]`.
    """
    words = tokenizer(captions, padding=True, truncation=True, return_tensors="pt").to(codes.device)
    offset = bart.config.image_token_offset
    start = torch.full_like(codes[:, :1], bart.config.decoder_start_token_id)
    states = bart.model(
        input_ids=words["input_ids"],
        attention_mask=words["attention_mask"],
        decoder_input_ids=torch.cat([start, codes[:, :-1] + offset], dim=1),
        use_cache=False,
    ).last_hidden_state
    logits = F.linear(states, bart.lm_head.weight[offset:]).float()
    return F.cross_entropy(logits.transpose(1, 2), codes, reduction="none")


@torch.inference_mode()
def encode_codes(vq: Path, images: Tensor) -> Tensor:
    """The codes of uint8 images, long `[n, l]`, row by row."""
    model = load_whole(VQModel, vq, TargetError, torch_dtype=torch.float32).eval()
    parts = (model.encode(part.float() / 255 * 2 - 1).latents for part in torch.split(images, 64))
    return torch.cat([model.quantize(latents)[2][2].reshape(len(latents), -1) for latents in parts])
