"""Trains a diffusion target in pixels whose members are known."""

from typing import Any, final

from torch import Tensor, nn

from lit_mia.errors import TrainingError
from lit_mia.models import in_float32
from lit_mia.shadow.diffusion import DiffusionTraining
from lit_mia.shadow.widths import NORM_GROUPS, check_channels
from lit_mia.training_batch import TrainingBatch

HEAD_WIDTH = 32
"""Channels of an attention head."""


@final
class PixelDiffusionTraining(DiffusionTraining):
    """Denoising diffusion in pixels (Ho et al. 2020, eq. 14; linear betas, T = 1000), with EMA weights, no flips.

    Args:
        size: Side of the images in pixels.
        channels: Width of each resolution of the U-Net; every step but the last halves the side. The lowest
            resolution has self-attention. Multiples of 16, the last one of 32.
        layers_per_block: Residual blocks per resolution.
        lr: Learning rate of AdamW after the warm-up; over the last quarter of the steps it falls to a tenth.
        warmup: Steps of linear warm-up.
        ema_decay: Decay of the exponential moving average of the weights; starts lower (step + 1) / (step + 10).
    """

    needs_captions = False

    def __init__(
        self,
        size: int = 32,
        channels: tuple[int, ...] = (16, 96, 192),
        layers_per_block: int = 1,
        lr: float = 4.0e-4,
        warmup: int = 100,
        ema_decay: float = 0.995,
    ) -> None:
        from diffusers import DDPMScheduler, UNet2DModel

        super().__init__()
        self.save_hyperparameters()
        check_channels(channels, last=HEAD_WIDTH)
        plain = len(channels) - 1
        if size % 2**plain:
            raise TrainingError(f"{len(channels)} resolutions need a `size` divisible by {2**plain}, but got {size}.")
        unet = UNet2DModel(
            sample_size=size,
            block_out_channels=channels,
            layers_per_block=layers_per_block,
            down_block_types=("DownBlock2D",) * plain + ("AttnDownBlock2D",),
            up_block_types=("AttnUpBlock2D",) + ("UpBlock2D",) * plain,
            attention_head_dim=HEAD_WIDTH,
            norm_num_groups=NORM_GROUPS,
        )
        self.keep(unet)
        in_float32(unet.conv_in)
        self.scheduler = DDPMScheduler()

    @property
    def image_size(self) -> int:
        """See `TargetTraining`."""
        return int(self.hparams["size"])

    def clean(self, batch: TrainingBatch) -> Tensor:
        """Pixels in [−1, 1]."""
        return batch.parts["images"].float() / 255 * 2 - 1

    def told(self, batch: TrainingBatch) -> tuple[Tensor, ...]:
        """Nothing."""
        return ()

    def pipeline(self, unet: nn.Module) -> Any:
        """The pipeline that `google/ddpm-cifar10-32` also is."""
        from diffusers import DDPMPipeline, DDPMScheduler

        return DDPMPipeline(unet=unet, scheduler=DDPMScheduler())
