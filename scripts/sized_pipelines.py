"""Pipelines of the size of known models with random weights, to measure speed without a hub."""

from pathlib import Path
from typing import Any

import torch

SIZES: dict[str, dict[str, Any]] = {
    "sd15": {
        "unet": {"block_out_channels": (320, 640, 1280, 1280), "cross_attention_dim": 768, "attention_head_dim": 8},
        "vae": {"block_out_channels": (128, 256, 512, 512), "layers_per_block": 2},
        "text": {"hidden_size": 768, "intermediate_size": 3072, "num_hidden_layers": 12, "num_attention_heads": 12},
    },
    "tiny": {
        "unet": {"block_out_channels": (8, 8, 16, 16), "cross_attention_dim": 16, "attention_head_dim": 2},
        "vae": {"block_out_channels": (8, 8, 8, 8), "layers_per_block": 1},
        "text": {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2},
    },
}
"""`sd15`: 860 million weights in the U-Net, as in its config.json; `tiny`: the same layers for a rehearsal."""


def save_pipeline(folder: Path, size: str, device: torch.device) -> None:
    """Draw weights and save them in the layout of diffusers.

    Args:
        folder: Where to.
        size: A key of `SIZES`.
        device: Where the weights are drawn.
    """
    from diffusers import AutoencoderKL, DDIMScheduler, StableDiffusionPipeline, UNet2DConditionModel
    from transformers import CLIPTextConfig, CLIPTextModel

    chosen, sides = SIZES[size], {"sd15": 64, "tiny": 8}[size]
    norm = {"norm_num_groups": 32 if size == "sd15" else 4}
    torch.manual_seed(0)
    with torch.device(device):
        unet = UNet2DConditionModel(sample_size=sides, **chosen["unet"], **norm)
        vae = AutoencoderKL(
            sample_size=8 * sides,
            latent_channels=4,
            down_block_types=("DownEncoderBlock2D",) * 4,
            up_block_types=("UpDecoderBlock2D",) * 4,
            scaling_factor=0.18215,
            **chosen["vae"],
            **norm,
        )
        text = CLIPTextModel(CLIPTextConfig(vocab_size=49408, bos_token_id=0, eos_token_id=1, **chosen["text"]))
    scheduler = DDIMScheduler(
        beta_schedule="scaled_linear", beta_start=0.00085, beta_end=0.012, steps_offset=1, clip_sample=False
    )
    StableDiffusionPipeline(
        unet=unet,
        vae=vae,
        text_encoder=text,
        tokenizer=_tokenizer(),
        scheduler=scheduler,
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    ).save_pretrained(folder)


def save_ddpm(folder: Path) -> None:
    """The network of DDPM on CIFAR-10 (Ho et al. 2020; `google/ddpm-cifar10-32`, 35.7 million weights)."""
    from diffusers import DDPMPipeline, DDPMScheduler, UNet2DModel

    torch.manual_seed(0)
    network = UNet2DModel(
        sample_size=32,
        block_out_channels=(128, 256, 256, 256),
        down_block_types=("DownBlock2D", "AttnDownBlock2D", "DownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "UpBlock2D", "AttnUpBlock2D", "UpBlock2D"),
        attention_head_dim=None,
        downsample_padding=0,
        flip_sin_to_cos=False,
        freq_shift=1,
        norm_eps=1e-6,
    )
    DDPMPipeline(network, DDPMScheduler()).save_pretrained(folder)


def _tokenizer() -> Any:
    """A CLIP tokenizer of single characters, 77 tokens long."""
    from transformers import CLIPTokenizer

    characters = "abcdefghijklmnopqrstuvwxyz0123456789 ,.:'-"
    tokens = ["<|startoftext|>", "<|endoftext|>", *characters, *(c + "</w>" for c in characters)]
    return CLIPTokenizer(vocab={token: i for i, token in enumerate(tokens)}, merges=[], model_max_length=77)
