"""Trains the image autoencoders of targets: diffusers' `AutoencoderKL`, and a `VQModel` that starts from one."""

from pathlib import Path
from typing import Any, final

import torch
from diffusers import AutoencoderKL, VQModel
from sklearn.cluster import MiniBatchKMeans
from torch import Tensor
from torch.nn import functional as F

from lit_mia.errors import TargetError
from lit_mia.models.whole import load_whole
from lit_mia.tools.training import CaptionedBatch, ToolTraining


@final
class AutoencoderTraining(ToolTraining):
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

    weight_decay, rise = 0.01, 0.05

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


@final
class VqAutoencoderTraining(ToolTraining):
    """A `VQModel` with reconstruction and codebook losses (van den Oord et al. 2017, arXiv 1711.00937, eq. 3).

    A codebook collapses if it starts far from what it shall code, so it starts as the k-means centres of latents, and
    codes that no latent of the last `revive_every` steps was nearest to move to latents of the batch.

    Args:
        autoencoder: Folder of an `AutoencoderKL` without attention, whose encoder and decoder are the start.
        codes: Entries of the codebook.
        commitment: Weight of the pull of latents to their codes.
        edge_weight: Weight of the L1 error of horizontal and vertical differences.
        square_weight: Weight of the squared error.
        revive_every: Steps after which unused codes are moved; none are in the last third of the training.
        lr: Peak learning rate of AdamW.
        steps: Optimiser steps of the schedule.
    """

    weight_decay, rise = 0.0, 0.05
    used: Tensor

    def __init__(
        self,
        autoencoder: str,
        codes: int = 512,
        commitment: float = 0.25,
        edge_weight: float = 0.5,
        square_weight: float = 2.0,
        revive_every: int = 50,
        lr: float = 1.0e-3,
        steps: int = 1000,
    ) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.vq = quantised(Path(autoencoder), codes)
        self.register_buffer("used", torch.zeros(codes, dtype=torch.bool))

    def start_codebook(self, images: Tensor) -> None:
        """Set the codes to k-means centres of the latents of `images`, in [0, 1], `[n, 3, s, s]`."""
        with torch.inference_mode():
            latents = [self.vq.encode(part * 2 - 1).latents for part in torch.split(images, 64)]
        points = torch.cat([_points(part) for part in latents]).numpy()
        codebook = self.vq.quantize.embedding.weight
        centres = MiniBatchKMeans(len(codebook), batch_size=4096, random_state=0, n_init=1).fit(points).cluster_centers_
        codebook.data.copy_(torch.from_numpy(centres))

    def training_step(self, batch: CaptionedBatch, batch_idx: int) -> Tensor:
        """One step on images in [0, 1], `[b, 3, s, s]`."""
        x = batch.images * 2 - 1
        latents = self.vq.encode(x).latents.float()
        quantised, _, (_, _, codes) = self.vq.quantize(latents)
        y = self.vq.decode(quantised, force_not_quantize=True).sample
        self._keep_alive(latents.detach(), codes)
        chosen = self.vq.quantize.embedding(codes)
        points = _points(latents)
        pull = (chosen - points.detach()).square().mean()
        commitment = (chosen.detach() - points).square().mean()
        loss, edges, square = reconstruction_losses(y, x)
        weights = {name: float(self.hparams[name]) for name in ("edge_weight", "square_weight", "commitment")}
        self.log_dict({"train/l1": loss, "train/codes": torch.unique(codes).numel(), "train/pull": pull}, prog_bar=True)
        total: Tensor = (
            loss
            + weights["edge_weight"] * edges
            + weights["square_weight"] * square
            + pull
            + weights["commitment"] * commitment
        )
        return total

    @torch.no_grad()
    def _keep_alive(self, latents: Tensor, codes: Tensor) -> None:
        self.used[torch.unique(codes)] = True
        every = int(self.hparams["revive_every"])
        if (self.global_step + 1) % every or self.global_step > int(self.hparams["steps"]) * 2 // 3:
            return
        dead = (~self.used).nonzero().flatten()
        points = _points(latents)
        drawn = torch.randint(0, len(points), (len(dead),), device=self.device)
        self.vq.quantize.embedding.weight[dead] = points[drawn].to(self.vq.quantize.embedding.weight.dtype)
        self.log("train/revived", float(len(dead)))
        self.used.zero_()

    def export(self, folder: Path) -> None:
        """Save the model in half precision."""
        self.vq.half().save_pretrained(folder)


def reconstruction_losses(y: Tensor, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Mean absolute error of the pixels, of their horizontal and vertical differences, and mean squared error."""
    edges = F.l1_loss(y.diff(dim=-1), x.diff(dim=-1)) + F.l1_loss(y.diff(dim=-2), x.diff(dim=-2))
    return F.l1_loss(y, x), edges, F.mse_loss(y, x)


def quantised(autoencoder: Path, codes: int) -> VQModel:
    """A `VQModel` with the encoder and decoder of an `AutoencoderKL`, whose mean takes the place of the latent.

    Args:
        autoencoder: Folder of the `AutoencoderKL`; its mid block has no attention.
        codes: Entries of the codebook.

    Raises:
        TargetError: If weights are missing.
    """
    source = load_whole(AutoencoderKL, autoencoder, TargetError, torch_dtype=torch.float32)
    config: dict[str, Any] = dict(source.config)
    kept = ("down_block_types", "up_block_types", "block_out_channels", "layers_per_block", "latent_channels")
    model = VQModel(
        **{name: config[name] for name in (*kept, "norm_num_groups", "sample_size")},
        mid_block_add_attention=False,
        num_vq_embeddings=codes,
        scaling_factor=1.0,
    )
    own = model.state_dict()
    given = {name: value for name, value in source.state_dict().items() if name in own}
    # conv_out makes as many variances as means, and quant_conv mixes both into the mean: here in one step.
    mean = config["latent_channels"]
    mix = given["quant_conv.weight"][:mean, :, 0, 0]
    bias = given["quant_conv.bias"][:mean]
    given["encoder.conv_out.weight"] = torch.einsum("om,mikl->oikl", mix, given["encoder.conv_out.weight"])
    given["encoder.conv_out.bias"] = mix @ given["encoder.conv_out.bias"] + bias
    given["quant_conv.weight"] = torch.eye(mean)[:, :, None, None]
    given["quant_conv.bias"] = torch.zeros(mean)
    model.load_state_dict(own | given)
    return model


def _points(latents: Tensor) -> Tensor:
    """Latents `[b, c, h, w]` as points `[b * h * w, c]`, in the order of the codes."""
    return latents.permute(0, 2, 3, 1).flatten(0, 2)
