"""Writes the tiny Stable Diffusion pipeline as a single file with the names of CompVis' original checkpoints."""

import re

from safetensors.torch import save_file

UNET = [
    (r"^time_embedding\.linear_1", "time_embed.0"),
    (r"^time_embedding\.linear_2", "time_embed.2"),
    (r"^conv_in", "input_blocks.0.0"),
    (r"^down_blocks\.0\.resnets\.0", "input_blocks.1.0"),
    (r"^down_blocks\.0\.downsamplers\.0\.conv", "input_blocks.2.0.op"),
    (r"^down_blocks\.1\.resnets\.0", "input_blocks.3.0"),
    (r"^down_blocks\.1\.attentions\.0", "input_blocks.3.1"),
    (r"^mid_block\.resnets\.0", "middle_block.0"),
    (r"^mid_block\.attentions\.0", "middle_block.1"),
    (r"^mid_block\.resnets\.1", "middle_block.2"),
    (r"^up_blocks\.0\.resnets\.(\d)", r"output_blocks.\1.0"),
    (r"^up_blocks\.0\.attentions\.(\d)", r"output_blocks.\1.1"),
    (r"^up_blocks\.0\.upsamplers\.0\.conv", "output_blocks.1.2.conv"),
    (r"^up_blocks\.1\.resnets\.0", "output_blocks.2.0"),
    (r"^up_blocks\.1\.resnets\.1", "output_blocks.3.0"),
    (r"^conv_norm_out", "out.0"),
    (r"^conv_out", "out.2"),
    (r"\.norm1", ".in_layers.0"),
    (r"\.conv1", ".in_layers.2"),
    (r"\.norm2", ".out_layers.0"),
    (r"\.conv2", ".out_layers.3"),
    (r"\.time_emb_proj", ".emb_layers.1"),
    (r"\.conv_shortcut", ".skip_connection"),
]
VAE = [
    (r"down_blocks\.(\d)\.resnets", r"down.\1.block"),
    (r"down_blocks\.(\d)\.downsamplers\.0", r"down.\1.downsample"),
    (r"up_blocks\.0\.", "up.1."),
    (r"up_blocks\.1\.", "up.0."),
    (r"(up\.\d)\.resnets", r"\1.block"),
    (r"(up\.\d)\.upsamplers\.0", r"\1.upsample"),
    (r"mid_block\.resnets\.0", "mid.block_1"),
    (r"mid_block\.resnets\.1", "mid.block_2"),
    (r"mid_block\.attentions\.0", "mid.attn_1"),
    (r"group_norm", "norm"),
    (r"to_([qkv])\.", r"\1."),
    (r"to_out\.0", "proj_out"),
    (r"conv_norm_out", "norm_out"),
    (r"conv_shortcut", "nin_shortcut"),
]


def write_original(pipeline, file):
    """Save the weights under their original names."""
    unet = {f"model.diffusion_model.{_unet_name(key)}": w for key, w in pipeline.unet.state_dict().items()}
    vae = {f"first_stage_model.{_renamed(key, VAE)}": w for key, w in pipeline.vae.state_dict().items()}
    text = pipeline.text_encoder.state_dict()
    prefix = "cond_stage_model.transformer.text_model."
    save_file(unet | vae | {prefix + key.removeprefix("text_model."): w for key, w in text.items()}, file)


def _unet_name(key):
    if ".transformer_blocks." in key:  # those have a norm1 and a norm2 of their own
        block, inside = key.split(".transformer_blocks.")
        return f"{_renamed(block, UNET)}.transformer_blocks.{inside}"
    return _renamed(key, UNET)


def _renamed(key, names):
    for pattern, replacement in names:
        key = re.sub(pattern, replacement, key)
    return key
