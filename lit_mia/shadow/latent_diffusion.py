"""Trains a latent diffusion target whose members are known, on an autoencoder and a text encoder that are there."""

import copy
from typing import Any, final

import torch
from torch import Tensor, nn

from lit_mia.errors import TrainingError
from lit_mia.models import Autoencoder
from lit_mia.shadow.diffusion import DiffusionTraining
from lit_mia.shadow.frozen import frozen, tokenizer_of
from lit_mia.shadow.widths import NORM_GROUPS, check_channels
from lit_mia.training_batch import TrainingBatch

BETAS = {"beta_schedule": "scaled_linear", "beta_start": 0.00085, "beta_end": 0.012}
"""The schedule of Stable Diffusion 1."""


@final
class LatentDiffusionTraining(DiffusionTraining):
    """Denoising diffusion in latents (Ho et al. 2020, eq. 14; Rombach et al. 2022, eq. 2), with EMA weights.

    Args:
        parts: Folder or hub id with `vae`, `text_encoder` and `tokenizer` as diffusers saves them, or `shipped:<name>`;
            a Stable Diffusion 1 or 2 pipeline is one. They stay as they are.
        size: Side of the images in pixels; null: what the autoencoder was made for.
        channels: Width of each resolution of the U-Net; every step but the last halves the side.
            Multiples of 16.
        layers_per_block: Residual blocks per resolution.
        lr: Learning rate of AdamW after the warm-up; over the last quarter of the steps it falls to a tenth.
        warmup: Steps of linear warm-up.
        caption_dropout: Share of captions replaced by the empty text, for classifier-free guidance.
        ema_decay: Decay of the exponential moving average of the weights; starts lower (step + 1) / (step + 10).
    """

    empty: Tensor

    def __init__(
        self,
        parts: str,
        size: int | None = None,
        channels: tuple[int, ...] = (80, 160),
        layers_per_block: int = 1,
        lr: float = 5.0e-4,
        warmup: int = 100,
        caption_dropout: float = 0.1,
        ema_decay: float = 0.99,
    ) -> None:
        from diffusers import DDPMScheduler, UNet2DConditionModel

        super().__init__()
        self.save_hyperparameters()
        check_channels(channels)
        self._frozen = frozen_parts(parts)
        self._autoencoder = Autoencoder(self._frozen["vae"])
        text_encoder, latent = self._frozen["text_encoder"], self._frozen["vae"].config.latent_channels
        self._size = size or int(self._frozen["vae"].config.sample_size)
        unit = self._autoencoder.factor * 2 ** (len(channels) - 1)
        if self._size % unit:
            raise TrainingError(
                f"`size` must be a multiple of {unit}, by which the autoencoder and {len(channels)} resolutions divide "
                f"it, but got {self._size}."
            )
        unet = UNet2DConditionModel(
            sample_size=self._size // self._autoencoder.factor,
            in_channels=latent,
            out_channels=latent,
            block_out_channels=channels,
            layers_per_block=layers_per_block,
            down_block_types=("CrossAttnDownBlock2D",) * len(channels),
            up_block_types=("CrossAttnUpBlock2D",) * len(channels),
            cross_attention_dim=text_encoder.config.hidden_size,
            attention_head_dim=4,
            norm_num_groups=NORM_GROUPS,
        )
        self.keep(unet)
        self.scheduler = DDPMScheduler(**BETAS)
        self.register_buffer("empty", self._read([""]))

    @property
    def image_size(self) -> int:
        """See `TargetTraining`."""
        return self._size

    def encode(self, images: Tensor, captions: list[str]) -> dict[str, Tensor]:
        """Scaled latent means, and hidden states of the captions."""
        self._frozen["vae"].to(self.device)
        pixels = images.float() / 127.5 - 1
        return {"latents": self._autoencoder.encode(pixels, None), "text": self._read(captions)}

    def clean(self, batch: TrainingBatch) -> Tensor:
        """The latents."""
        return batch.parts["latents"]

    def told(self, batch: TrainingBatch) -> tuple[Tensor, ...]:
        """The captions."""
        return (batch.parts["text"],)

    def dropped(self, told: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """Some of the captions are left out."""
        (text,) = told
        out = torch.rand(len(text), 1, 1, device=self.device) < float(self.hparams["caption_dropout"])
        return (torch.where(out, self.empty, text),)

    def pipeline(self, unet: nn.Module) -> Any:
        """A Stable Diffusion pipeline with the frozen parts and a DDIM scheduler."""
        from diffusers import DDIMScheduler, StableDiffusionPipeline

        scheduler = DDIMScheduler(**BETAS, clip_sample=False, set_alpha_to_one=False, steps_offset=1)
        return StableDiffusionPipeline(
            **copy.deepcopy(self._frozen),
            unet=unet,
            scheduler=scheduler,
            safety_checker=None,
            feature_extractor=None,
            requires_safety_checker=False,
        )

    @torch.no_grad()  # not inference mode: a resume writes into the buffer of the empty text
    def _read(self, captions: list[str]) -> Tensor:
        """Last hidden states `[b, l, d]`, padded to the tokenizer's length as the pipeline does."""
        encoder, tokenizer = self._frozen["text_encoder"].to(self.device), self._frozen["tokenizer"]
        tokens = tokenizer(captions, padding="max_length", truncation=True, return_tensors="pt")["input_ids"]
        states: Tensor = encoder(tokens.to(self.device)).last_hidden_state
        return states


def frozen_parts(path: str) -> dict[str, Any]:
    """Autoencoder, text encoder and tokenizer, in float32.

    Args:
        path: Folder, hub id or `shipped:<name>`.

    Raises:
        TrainingError: If one of them cannot be loaded.
    """
    from diffusers import AutoencoderKL
    from transformers import CLIPTextModel, CLIPTokenizer

    return {
        "vae": frozen(AutoencoderKL, path, subfolder="vae"),
        "text_encoder": frozen(CLIPTextModel, path, subfolder="text_encoder"),
        "tokenizer": tokenizer_of(CLIPTokenizer, path, subfolder="tokenizer"),
    }
