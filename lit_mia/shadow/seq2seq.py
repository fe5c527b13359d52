"""Trains a DALL·E-mini-style target whose members are known: transformers' BART over the codes of a VQModel."""

import copy
from collections.abc import Sequence
from pathlib import Path
from typing import Any, final

import torch
from lightning.pytorch.utilities.types import OptimizerLRScheduler
from torch import Tensor
from torch.nn import functional as F

from lit_mia.shadow.frozen import frozen, start_of, tokenizer_of
from lit_mia.shadow.one_cycle import one_cycle
from lit_mia.shadow.training import TargetTraining
from lit_mia.training_batch import TrainingBatch


@final
class Seq2SeqTraining(TargetTraining):
    """Cross-entropy of the image codes given the caption (Dayma et al., DALL·E mini, 2021).

    Args:
        image_tokenizer: Folder of the VQModel that turns images into codes, or `shipped:<name>`; it stays as it is.
        tokenizer: Folder of the tokenizer of captions, or `shipped:<name>`.
        width: Width of the model.
        encoder_layers: Layers that read the caption.
        decoder_layers: Layers that write the image tokens.
        heads: Attention heads.
        dropout: Dropout on hidden states.
        caption_dropout: Share of captions replaced by the empty text, for super conditioning.
        lr: Peak learning rate of AdamW.
        weight_decay: Weight decay of AdamW.
        start: Folder of an exported model to start from, or `shipped:<name>`; null: random weights.
    """

    def __init__(
        self,
        image_tokenizer: str,
        tokenizer: str,
        width: int = 128,
        encoder_layers: int = 2,
        decoder_layers: int = 4,
        heads: int = 4,
        dropout: float = 0.1,
        caption_dropout: float = 0.1,
        lr: float = 1.5e-3,
        weight_decay: float = 0.01,
        start: str | None = None,
    ) -> None:
        from diffusers import VQModel
        from transformers import AutoTokenizer, BartConfig, BartForConditionalGeneration

        super().__init__()
        self.save_hyperparameters()
        vq = frozen(VQModel, image_tokenizer)
        self._frozen = [vq]  # in a list: no part of what is trained and kept
        self.tokenizer: Any = tokenizer_of(AutoTokenizer, tokenizer)
        words = len(self.tokenizer)
        side = vq.config.sample_size // 2 ** (len(vq.config.block_out_channels) - 1)
        if start is None:
            self.bart: Any = BartForConditionalGeneration(
                BartConfig(
                    vocab_size=words + vq.config.num_vq_embeddings,
                    d_model=width,
                    encoder_layers=encoder_layers,
                    decoder_layers=decoder_layers,
                    encoder_attention_heads=heads,
                    decoder_attention_heads=heads,
                    encoder_ffn_dim=4 * width,
                    decoder_ffn_dim=4 * width,
                    max_position_embeddings=max(side**2, self.tokenizer.model_max_length),
                    dropout=dropout,
                    pad_token_id=self.tokenizer.pad_token_id,
                    bos_token_id=self.tokenizer.bos_token_id,
                    eos_token_id=self.tokenizer.eos_token_id,
                    decoder_start_token_id=self.tokenizer.bos_token_id,
                    forced_eos_token_id=None,
                    image_token_offset=words,
                    image_tokens=side**2,
                )
            )
        else:
            self.bart = start_of(BartForConditionalGeneration, start, dropout=dropout)

    @property
    def image_size(self) -> int:
        """See `TargetTraining`."""
        return int(self._frozen[0].config.sample_size)

    def encode(self, images: Tensor, captions: list[str]) -> dict[str, Tensor]:
        """Image codes."""
        return {"codes": image_codes(self._frozen[0].to(self.device), images)}

    def loss(self, batch: TrainingBatch) -> Tensor:
        """Mean cross-entropy of all image tokens, in nats."""
        dropped = torch.rand(len(batch.captions)) < float(self.hparams["caption_dropout"])
        captions = ["" if drop else caption for caption, drop in zip(batch.captions, dropped, strict=True)]
        return token_losses(self.bart, self.tokenizer, captions, batch.parts["codes"]).mean()

    @property
    def probes(self) -> tuple[str, ...]:
        """The one loss of an image given its caption."""
        return ("tokens",)

    @torch.inference_mode()
    def probe_losses(self, batch: TrainingBatch, seeds: Sequence[int]) -> Tensor:
        """Mean cross-entropy of the image tokens given the caption, `[b, 1]`; nothing about it is random."""
        return token_losses(self.bart, self.tokenizer, batch.captions, batch.parts["codes"]).mean(dim=1, keepdim=True)

    def configure_optimizers(self) -> OptimizerLRScheduler:
        """AdamW with a one-cycle schedule."""
        lr, decay = (float(self.hparams[name]) for name in ("lr", "weight_decay"))
        return one_cycle(self.bart.parameters(), lr, self.total_steps, decay, rise=0.05)

    def export(self, folder: Path) -> None:
        """Save model and tokenizer in one folder, in half precision."""
        copy.deepcopy(self.bart).half().save_pretrained(folder)
        self.tokenizer.save_pretrained(folder)


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


def image_codes(vq: Any, images: Tensor) -> Tensor:
    """The codes of uint8 images, long `[n, l]`, row by row.

    Args:
        vq: A VQModel.
        images: uint8 `[n, 3, s, s]`.
    """
    latents = vq.encode(images.float() / 255 * 2 - 1).latents
    codes: Tensor = vq.quantize(latents)[2][2]
    return codes.reshape(len(latents), -1)
