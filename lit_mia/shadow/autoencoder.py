"""Trains the image autoencoder of a latent diffusion target (diffusers' `AutoencoderKL`)."""

from pathlib import Path
from typing import final

import lightning as L
import torch
from lightning.pytorch.utilities.types import OptimizerLRScheduler
from torch import Tensor
from torch.nn import functional as F

from lit_mia.shadow.data import CaptionedBatch
from lit_mia.shadow.schedule import one_cycle


@final
class AutoencoderTraining(L.LightningModule):
    """An `AutoencoderKL` with L1, squared, edge and KL losses (Rombach et al. 2022, arXiv 2112.10752).

    Args:
        image_size: Side of the images in pixels; pipelines draw images of this size by default.
        channels: Width of each resolution; every step but the last halves the side.
        latent_channels: Channels of the latent.
        layers_per_block: Residual blocks per resolution.
        lr: Peak learning rate of AdamW; decays along a cosine to 0 at `steps`.
        kl_weight: Weight of the KL divergence to N(0, I), per latent element.
        edge_weight: Weight of the L1 error of horizontal and vertical differences.
        square_weight: Weight of the squared error.
        steps: Optimiser steps of the schedule.
    """

    def __init__(
        self,
        image_size: int = 64,
        channels: tuple[int, ...] = (16, 32, 64, 64),
        latent_channels: int = 8,
        layers_per_block: int = 1,
        lr: float = 2.0e-3,
        kl_weight: float = 1.0e-4,
        edge_weight: float = 1.0,
        square_weight: float = 0.0,
        steps: int = 2000,
    ) -> None:
        super().__init__()
        self.save_hyperparameters()
        from diffusers import AutoencoderKL

        self.vae = AutoencoderKL(
            sample_size=image_size,
            down_block_types=("DownEncoderBlock2D",) * len(channels),
            up_block_types=("UpDecoderBlock2D",) * len(channels),
            block_out_channels=channels,
            latent_channels=latent_channels,
            layers_per_block=layers_per_block,
            norm_num_groups=8,
            mid_block_add_attention=False,
        )

    def training_step(self, batch: CaptionedBatch, batch_idx: int) -> Tensor:
        """One step on images in [0, 1], `[b, 3, s, s]`."""
        x = batch.images * 2 - 1
        posterior = self.vae.encode(x).latent_dist
        y: Tensor = self.vae.decode(posterior.sample()).sample
        loss, edges, square = reconstruction_losses(y, x)
        kl = posterior.kl().mean() / posterior.mean[0].numel()
        self.log_dict({"train/l1": loss, "train/edges": edges, "train/kl": kl}, prog_bar=True)
        weights = {name: float(self.hparams[f"{name}_weight"]) for name in ("square", "edge", "kl")}
        total: Tensor = loss + weights["square"] * square + weights["edge"] * edges + weights["kl"] * kl
        return total

    def configure_optimizers(self) -> OptimizerLRScheduler:
        """AdamW with a one-cycle schedule."""
        return one_cycle(
            self.vae.parameters(), float(self.hparams["lr"]), int(self.hparams["steps"]), weight_decay=0.01, rise=0.05
        )

    @torch.inference_mode()
    def export(self, folder: Path, images: Tensor) -> None:
        """Save the autoencoder in half precision, scaled so that latents of `images` have unit deviation.

        Args:
            folder: Folder to write.
            images: In [0, 1], `[n, 3, s, s]`.
        """
        latents = torch.cat([self.vae.encode(part * 2 - 1).latent_dist.mean for part in torch.split(images, 64)])
        self.vae.register_to_config(scaling_factor=float(1 / latents.std()))
        self.vae.half().save_pretrained(folder)


def reconstruction_losses(y: Tensor, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Mean absolute error of the pixels, of their horizontal and vertical differences, and mean squared error."""
    edges = F.l1_loss(y.diff(dim=-1), x.diff(dim=-1)) + F.l1_loss(y.diff(dim=-2), x.diff(dim=-2))
    return F.l1_loss(y, x), edges, F.mse_loss(y, x)
