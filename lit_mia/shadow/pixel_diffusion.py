"""Trains an unconditional pixel-space diffusion target whose members are known, from diffusers' own parts."""

from typing import TYPE_CHECKING, final

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lit_mia.models import in_float32
from lit_mia.shadow.data import CaptionedBatch
from lit_mia.shadow.training import DiffusionTraining

if TYPE_CHECKING:
    from diffusers import DDPMPipeline


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
        from diffusers import DDPMScheduler, UNet2DModel

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

    def pipeline(self, unet: nn.Module) -> "DDPMPipeline":
        """The pipeline that `google/ddpm-cifar10-32` also is."""
        from diffusers import DDPMPipeline, DDPMScheduler

        return DDPMPipeline(unet=unet, scheduler=DDPMScheduler())
