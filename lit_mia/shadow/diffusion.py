"""Trains a latent text-to-image diffusion target whose members are known, from diffusers' own parts."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, final

import lightning as L
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader

from lit_mia.shadow.data import endless
from lit_mia.shadow.training import DiffusionTraining

if TYPE_CHECKING:
    from diffusers import StableDiffusionPipeline


@dataclass(frozen=True)
class LatentBatch:
    """Latents `[b, c, s, s]` of unit deviation and text states `[b, l, d]`."""

    latents: Tensor
    text: Tensor

    def to(self, device: torch.device) -> "LatentBatch":
        """The same batch on another device (Lightning calls this)."""
        return LatentBatch(self.latents.to(device), self.text.to(device))


@final
class LatentDiffusionDataModule(L.LightningDataModule):
    """Latents and text states of the members, computed once with the frozen autoencoder and text encoder.

    Args:
        images: The members, uint8 `[n, 3, s, s]`.
        captions: A caption each.
        tools: Folder with `vae`, `text_encoder` and `tokenizer`.
        batch_size: Members per step.
        steps: Steps of the training; one epoch holds them all.
    """

    def __init__(self, images: Tensor, captions: list[str], tools: str, batch_size: int, steps: int) -> None:
        super().__init__()
        self.images, self.captions, self.tools = images, captions, tools
        self.batch_size, self.steps = batch_size, steps

    def setup(self, stage: str) -> None:
        """Encode all members."""
        pipeline = load_tools(Path(self.tools))
        self.latents = encode_images(pipeline["vae"], self.images)
        self.text = encode_texts(pipeline["text_encoder"], pipeline["tokenizer"], self.captions)

    def train_dataloader(self) -> DataLoader[LatentBatch]:
        """Batches of random members, without repetition inside a pass over them."""
        return endless(self, self.batch_size, self.steps)

    def __len__(self) -> int:
        return len(self.captions)

    def __getitem__(self, rows: list[int]) -> LatentBatch:
        return LatentBatch(self.latents[rows], self.text[rows])


@final
class LatentDiffusionTraining(DiffusionTraining):
    """Denoising diffusion in latents (Ho et al. 2020, eq. 14; Rombach et al. 2022, eq. 2), with EMA weights.

    Args:
        tools: Folder with `vae`, `text_encoder` and `tokenizer`, all frozen.
        channels: Width of each resolution of the U-Net; every step but the last halves the side.
        layers_per_block: Residual blocks per resolution.
        steps: Optimiser steps of the schedule.
        lr: Learning rate of AdamW after the warm-up; over the last quarter of the steps it falls to a tenth.
        warmup: Steps of linear warm-up.
        caption_dropout: Share of captions replaced by the empty text, for classifier-free guidance.
        ema_decay: Decay of the exponential moving average of the weights; starts lower (step + 1) / (step + 10).
    """

    empty: Tensor

    def __init__(
        self,
        tools: str,
        channels: tuple[int, ...] = (80, 160),
        layers_per_block: int = 1,
        steps: int = 1300,
        lr: float = 5.0e-4,
        warmup: int = 100,
        caption_dropout: float = 0.1,
        ema_decay: float = 0.99,
    ) -> None:
        super().__init__()
        self.save_hyperparameters()
        from diffusers import DDPMScheduler, UNet2DConditionModel

        parts = load_tools(Path(tools))
        vae, text_encoder = parts["vae"], parts["text_encoder"]
        unet = UNet2DConditionModel(
            sample_size=vae.config.sample_size // 2 ** (len(vae.config.block_out_channels) - 1),
            in_channels=vae.config.latent_channels,
            out_channels=vae.config.latent_channels,
            block_out_channels=channels,
            layers_per_block=layers_per_block,
            down_block_types=("CrossAttnDownBlock2D",) * len(channels),
            up_block_types=("CrossAttnUpBlock2D",) * len(channels),
            cross_attention_dim=text_encoder.config.hidden_size,
            attention_head_dim=4,
            norm_num_groups=16,
        )
        self.keep(unet)
        self.scheduler = DDPMScheduler(beta_schedule="scaled_linear", beta_start=0.00085, beta_end=0.012)
        self.register_buffer("empty", encode_texts(text_encoder, parts["tokenizer"], [""]))

    def loss(self, batch: LatentBatch) -> Tensor:
        """Mean squared error of the predicted noise at uniformly drawn timesteps."""
        n = len(batch.latents)
        noise = torch.randn_like(batch.latents)
        t = torch.randint(0, self.scheduler.config.num_train_timesteps, (n,), device=self.device)
        dropped = torch.rand(n, 1, 1, device=self.device) < float(self.hparams["caption_dropout"])
        text = torch.where(dropped, self.empty, batch.text)
        noisy = self.scheduler.add_noise(batch.latents, noise, t)
        return F.mse_loss(self.unet(noisy, t, text).sample.float(), noise)

    def pipeline(self, unet: nn.Module) -> "StableDiffusionPipeline":
        """A Stable Diffusion pipeline with the frozen tools."""
        return build_pipeline(load_tools(Path(self.hparams["tools"])), unet)


def build_pipeline(tools: Mapping[str, Any], unet: Any) -> "StableDiffusionPipeline":
    """A Stable Diffusion pipeline of the given parts with a DDIM scheduler."""
    from diffusers import DDIMScheduler, StableDiffusionPipeline

    scheduler = DDIMScheduler(
        beta_schedule="scaled_linear",
        beta_start=0.00085,
        beta_end=0.012,
        clip_sample=False,
        set_alpha_to_one=False,
        steps_offset=1,
    )
    return StableDiffusionPipeline(
        **tools,
        unet=unet,
        scheduler=scheduler,
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )


def load_tools(folder: Path) -> dict[str, Any]:
    """The frozen autoencoder, text encoder and tokenizer of `folder`, in float32."""
    from diffusers import AutoencoderKL
    from transformers import CLIPTextModel, CLIPTokenizer

    vae = AutoencoderKL.from_pretrained(folder / "vae", torch_dtype=torch.float32)
    text_encoder = CLIPTextModel.from_pretrained(folder / "text_encoder", dtype=torch.float32)
    return {
        "vae": vae.requires_grad_(False).eval(),
        "text_encoder": text_encoder.requires_grad_(False).eval(),
        "tokenizer": CLIPTokenizer.from_pretrained(folder / "tokenizer"),
    }


@torch.no_grad()
def encode_images(vae: Any, images: Tensor) -> Tensor:
    """Scaled latent means `[n, c, s/f, s/f]` of uint8 images `[n, 3, s, s]`."""
    parts = [vae.encode(part.float() / 127.5 - 1).latent_dist.mean for part in torch.split(images, 64)]
    latents: Tensor = torch.cat(parts) * vae.config.scaling_factor
    return latents


@torch.no_grad()  # not inference mode: a resume writes into the buffer of the empty text
def encode_texts(text_encoder: Any, tokenizer: Any, texts: list[str]) -> Tensor:
    """Last hidden states `[n, l, d]`, padded to the tokenizer's length as the pipeline does."""
    tokens = tokenizer(texts, padding="max_length", truncation=True, return_tensors="pt")["input_ids"]
    states: Tensor = text_encoder(tokens).last_hidden_state
    return states
