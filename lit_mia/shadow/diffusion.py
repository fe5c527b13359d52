"""Trains diffusion targets whose members are known, in latents or in pixels, from diffusers' own parts."""

import copy
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple, final

import torch
from diffusers import (
    AutoencoderKL,
    DDIMScheduler,
    DDPMPipeline,
    DDPMScheduler,
    StableDiffusionPipeline,
    UNet2DConditionModel,
    UNet2DModel,
)
from lightning.pytorch.utilities.types import OptimizerLRScheduler
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import CLIPTextModel, CLIPTokenizer

from lit_mia.errors import TargetError
from lit_mia.models import in_float32
from lit_mia.models.whole import load_whole
from lit_mia.shadow.training import CaptionedBatch, EncodedDataModule, TargetTraining


class LatentBatch(NamedTuple):
    """Latents `[b, c, s, s]` of unit deviation and text states `[b, l, d]`."""

    latents: Tensor
    text: Tensor


@final
class LatentDiffusionDataModule(EncodedDataModule[LatentBatch]):
    """Latents and text states of the members; the networks are `vae`, `text_encoder` and `tokenizer`."""

    def setup(self, stage: str) -> None:
        """Encode all members."""
        pipeline = load_tools(Path(self.networks))
        self.latents = encode_images(pipeline["vae"], self.images)
        self.text = encode_texts(pipeline["text_encoder"], pipeline["tokenizer"], self.captions)

    def __getitem__(self, rows: list[int]) -> LatentBatch:
        return LatentBatch(self.latents[rows], self.text[rows])


class DiffusionTraining(TargetTraining, ABC):
    """Trains a noise prediction network; a concrete class says how its loss is made and what pipeline it belongs to.

    A concrete class keeps `steps`, `lr`, `warmup` and `ema_decay` among its hyper-parameters, and calls `keep` once.
    """

    unet: nn.Module
    ema: nn.Module

    @abstractmethod
    def pipeline(self, unet: nn.Module) -> Any:
        """The diffusers pipeline with the given network."""

    def keep(self, unet: nn.Module) -> None:
        """Take the network to train, and start its moving average."""
        self.unet = unet
        self.ema = copy.deepcopy(unet).requires_grad_(False).eval()

    @torch.no_grad()
    def on_train_batch_end(self, *_: Any) -> None:
        """Move the averaged weights."""
        decay = min(float(self.hparams["ema_decay"]), (self.global_step + 1) / (self.global_step + 10))
        torch._foreach_lerp_(list(self.ema.parameters()), list(self.unet.parameters()), 1 - decay)

    def configure_optimizers(self) -> OptimizerLRScheduler:
        """AdamW with linear warm-up, a constant part, and a linear decay over the last quarter."""
        optimizer = torch.optim.AdamW(self.unet.parameters(), lr=float(self.hparams["lr"]), weight_decay=0.01)
        warmup, steps = int(self.hparams["warmup"]), int(self.hparams["steps"])
        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: learning_rate(step, warmup, steps))
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def export(self, folder: Path, membership: Mapping[str, object]) -> None:
        """Save a standard diffusers pipeline folder of the averaged weights."""
        self.pipeline(copy.deepcopy(self.ema)).to(torch.float16).save_pretrained(folder)
        self.write_membership(folder, membership)


def learning_rate(step: int, warmup: int, steps: int) -> float:
    """Share of the learning rate at a step: up to 1 over `warmup` steps, down to 0.1 over the last quarter."""
    done = max(0.0, (step / steps - 0.75) / 0.25)
    return min(1.0, (step + 1) / warmup) * (1 - 0.9 * min(1.0, done))


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

    def pipeline(self, unet: nn.Module) -> StableDiffusionPipeline:
        """A Stable Diffusion pipeline with the frozen tools."""
        return build_pipeline(load_tools(Path(self.hparams["tools"])), unet)


@final
class PixelDiffusionTraining(DiffusionTraining):
    """Denoising diffusion in pixels (Ho et al. 2020, eq. 14; linear betas, T = 1000), with EMA weights, no flips.

    Args:
        size: Side of the images in pixels.
        channels: Width of each resolution of the U-Net; every step but the last halves the side. The lowest
            resolution has self-attention.
        layers_per_block: Residual blocks per resolution.
        steps: Optimiser steps of the schedule.
        lr: Learning rate of AdamW after the warm-up; over the last quarter of the steps it falls to a tenth.
        warmup: Steps of linear warm-up.
        ema_decay: Decay of the exponential moving average of the weights; starts lower (step + 1) / (step + 10).
    """

    def __init__(
        self,
        size: int = 32,
        channels: tuple[int, ...] = (16, 96, 192),
        layers_per_block: int = 1,
        steps: int = 3200,
        lr: float = 4.0e-4,
        warmup: int = 100,
        ema_decay: float = 0.995,
    ) -> None:
        super().__init__()
        self.save_hyperparameters()
        plain = len(channels) - 1
        unet = UNet2DModel(
            sample_size=size,
            block_out_channels=channels,
            layers_per_block=layers_per_block,
            down_block_types=("DownBlock2D",) * plain + ("AttnDownBlock2D",),
            up_block_types=("AttnUpBlock2D",) + ("UpBlock2D",) * plain,
            attention_head_dim=32,
            norm_num_groups=16,
        )
        self.keep(unet)
        in_float32(unet.conv_in)
        self.scheduler = DDPMScheduler()

    def loss(self, batch: CaptionedBatch) -> Tensor:
        """Mean squared error of the predicted noise at uniformly drawn timesteps."""
        x = batch.images * 2 - 1
        noise = torch.randn_like(x)
        t = torch.randint(0, self.scheduler.config.num_train_timesteps, (len(x),), device=self.device)
        predicted = self.unet(self.scheduler.add_noise(x, noise, t), t).sample
        return F.mse_loss(predicted.float(), noise)

    def pipeline(self, unet: nn.Module) -> DDPMPipeline:
        """The pipeline that `google/ddpm-cifar10-32` also is."""
        return DDPMPipeline(unet=unet, scheduler=DDPMScheduler())


def build_pipeline(tools: Mapping[str, Any], unet: Any) -> StableDiffusionPipeline:
    """A Stable Diffusion pipeline of the given parts with a DDIM scheduler."""
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
    """The frozen autoencoder, text encoder and tokenizer of `folder`, in float32.

    Raises:
        TargetError: If weights are missing.
    """
    vae = load_whole(AutoencoderKL, folder / "vae", TargetError, torch_dtype=torch.float32)
    text_encoder = load_whole(CLIPTextModel, folder / "text_encoder", TargetError, dtype=torch.float32)
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
