"""Real pipelines of diffusers at tiny size with random weights, one builder per family. They draw 16 x 16 images."""

import torch

CHARACTERS = "abcdefghijklmnopqrstuvwxyz0123456789 ,.:'-"


def make_unet(**options):
    from diffusers import UNet2DConditionModel

    return UNet2DConditionModel(
        **{
            "sample_size": 8,
            "in_channels": 4,
            "out_channels": 4,
            "layers_per_block": 1,
            "block_out_channels": (4, 8),
            "norm_num_groups": 2,
            "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D"),
            "up_block_types": ("CrossAttnUpBlock2D", "UpBlock2D"),
            "cross_attention_dim": 8,
            "attention_head_dim": 2,
            **options,
        }
    )


def make_vae(**options):
    from diffusers import AutoencoderKL

    return AutoencoderKL(
        sample_size=16,
        in_channels=3,
        out_channels=3,
        latent_channels=4,
        block_out_channels=(4, 8),
        norm_num_groups=2,
        down_block_types=("DownEncoderBlock2D", "DownEncoderBlock2D"),
        up_block_types=("UpDecoderBlock2D", "UpDecoderBlock2D"),
        **options,
    )


def make_text_parts():
    from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

    tokens = ["<|startoftext|>", "<|endoftext|>", *CHARACTERS, *(c + "</w>" for c in CHARACTERS)]
    vocabulary = {token: number for number, token in enumerate(tokens)}
    tokenizer = CLIPTokenizer(vocab=vocabulary, merges=[], model_max_length=16)
    config = CLIPTextConfig(
        vocab_size=len(vocabulary),
        hidden_size=8,
        intermediate_size=16,
        num_attention_heads=2,
        num_hidden_layers=1,
        max_position_embeddings=16,
        bos_token_id=0,
        eos_token_id=1,
        pad_token_id=1,
    )
    return {"tokenizer": tokenizer, "text_encoder": CLIPTextModel(config)}


def clip_parts(projection=None):
    """A CLIP tokenizer of 16 tokens and its text encoder; with a projection the class that has one."""
    from transformers import CLIPTextModelWithProjection

    parts = make_text_parts()
    if projection is not None:
        config = parts["text_encoder"].config
        config.projection_dim = projection
        parts["text_encoder"] = CLIPTextModelWithProjection(config)
    return parts["tokenizer"], parts["text_encoder"]


def t5_parts(width=8):
    """A unigram tokenizer of single characters, without a limit, and a T5 encoder."""
    from transformers import T5Config, T5EncoderModel, T5TokenizerFast

    pieces = ["<pad>", "</s>", "<unk>", "▁", *CHARACTERS.replace(" ", "")]
    vocabulary = [(piece, 0.0 if number < 3 else -1.0) for number, piece in enumerate(pieces)]
    tokenizer = T5TokenizerFast(vocab=vocabulary, extra_ids=0, model_max_length=512)
    config = T5Config(vocab_size=len(tokenizer), d_model=width, d_kv=4, d_ff=16, num_layers=1, num_heads=2)
    return tokenizer, T5EncoderModel(config)


def bert_parts():
    """A word-piece tokenizer of single characters and the text encoder of CompVis' LDM."""
    from diffusers.pipelines.latent_diffusion.pipeline_latent_diffusion import LDMBertConfig, LDMBertModel
    from transformers import BertTokenizerFast

    letters = [*CHARACTERS.replace(" ", ""), *("##" + letter for letter in CHARACTERS if letter.isalnum())]
    tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *letters]
    tokenizer = BertTokenizerFast(vocab={token: number for number, token in enumerate(tokens)}, model_max_length=512)
    config = LDMBertConfig(
        vocab_size=len(tokens), encoder_layers=1, encoder_ffn_dim=16, encoder_attention_heads=2, head_dim=4, d_model=8
    )
    return tokenizer, LDMBertModel(config)


def eight_fold_vae(channels=4, **options):
    """An autoencoder that shrinks eight times, as LDMTextToImagePipeline takes for granted."""
    from diffusers import AutoencoderKL

    return AutoencoderKL(
        latent_channels=channels,
        block_out_channels=(4, 4, 4, 4),
        norm_num_groups=2,
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        **options,
    )


def sd():
    from diffusers import DDIMScheduler, StableDiffusionPipeline

    return StableDiffusionPipeline(
        unet=make_unet(),
        vae=make_vae(),
        **make_text_parts(),
        scheduler=DDIMScheduler(steps_offset=1, clip_sample=False),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )


def ldm():
    from diffusers import DDIMScheduler, LDMTextToImagePipeline

    tokenizer, bert = bert_parts()
    scheduler = DDIMScheduler(beta_schedule="scaled_linear", clip_sample=False)
    unet = make_unet(sample_size=2)
    return LDMTextToImagePipeline(eight_fold_vae(), bert, tokenizer, unet, scheduler)


def ldm_vq():
    """LDM with a VQModel, whose decoder quantises."""
    from diffusers import VQModel

    pipeline = ldm()
    vqvae = VQModel(
        latent_channels=4,
        block_out_channels=(4, 4, 4, 4),
        norm_num_groups=2,
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
    )
    torch.nn.init.normal_(vqvae.quantize.embedding.weight)  # as far apart as latents
    pipeline.register_modules(vqvae=vqvae)
    return pipeline


def sdxl():
    from diffusers import EulerDiscreteScheduler, StableDiffusionXLPipeline

    tokenizer, text_encoder = clip_parts()
    tokenizer_2, text_encoder_2 = clip_parts(projection=8)
    unet = make_unet(
        cross_attention_dim=16,
        addition_embed_type="text_time",
        addition_time_embed_dim=4,
        projection_class_embeddings_input_dim=6 * 4 + 8,
    )
    scheduler = EulerDiscreteScheduler(beta_schedule="scaled_linear", steps_offset=1, timestep_spacing="leading")
    return StableDiffusionXLPipeline(
        make_vae(), text_encoder, text_encoder_2, tokenizer, tokenizer_2, unet, scheduler, add_watermarker=False
    )


def sd3():
    from diffusers import FlowMatchEulerDiscreteScheduler, SD3Transformer2DModel, StableDiffusion3Pipeline

    tokenizer, text_encoder = clip_parts(projection=8)
    tokenizer_2, text_encoder_2 = clip_parts(projection=8)
    tokenizer_3, text_encoder_3 = t5_parts(width=16)
    transformer = SD3Transformer2DModel(
        sample_size=8,
        patch_size=1,
        in_channels=4,
        out_channels=4,
        num_layers=1,
        attention_head_dim=8,
        num_attention_heads=2,
        caption_projection_dim=16,
        joint_attention_dim=16,
        pooled_projection_dim=16,
    )
    return StableDiffusion3Pipeline(
        transformer,
        FlowMatchEulerDiscreteScheduler(),
        make_vae(shift_factor=0.06),
        text_encoder,
        tokenizer,
        text_encoder_2,
        tokenizer_2,
        text_encoder_3,
        tokenizer_3,
    )


def flux():
    from diffusers import FlowMatchEulerDiscreteScheduler, FluxPipeline, FluxTransformer2DModel

    tokenizer, text_encoder = clip_parts()
    tokenizer_2, text_encoder_2 = t5_parts()
    transformer = FluxTransformer2DModel(
        patch_size=1,
        in_channels=16,
        num_layers=1,
        num_single_layers=1,
        attention_head_dim=8,
        num_attention_heads=2,
        joint_attention_dim=8,
        pooled_projection_dim=8,
        axes_dims_rope=(2, 2, 4),
        guidance_embeds=True,
    )
    return FluxPipeline(
        FlowMatchEulerDiscreteScheduler(),
        make_vae(shift_factor=0.06),
        text_encoder,
        tokenizer,
        text_encoder_2,
        tokenizer_2,
        transformer,
    )


def pixart():
    from diffusers import DPMSolverMultistepScheduler, PixArtSigmaPipeline, PixArtTransformer2DModel

    tokenizer, text_encoder = t5_parts()
    transformer = PixArtTransformer2DModel(
        sample_size=8,
        num_layers=1,
        attention_head_dim=4,
        num_attention_heads=2,
        caption_channels=8,
        cross_attention_dim=8,
        in_channels=4,
        out_channels=8,
        norm_elementwise_affine=False,
    )
    return PixArtSigmaPipeline(tokenizer, text_encoder, make_vae(), transformer, DPMSolverMultistepScheduler())


BUILDERS = {"sd": sd, "ldm": ldm, "ldm_vq": ldm_vq, "sdxl": sdxl, "sd3": sd3, "flux": flux, "pixart": pixart}


def save_tiny(family, folder):
    """Build the pipeline of a family from seed 0 and save it."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        pipeline = BUILDERS[family]()
        _strengthen(pipeline.components.get("transformer"))
    pipeline.save_pretrained(folder)
    return folder


def _strengthen(transformer):
    """Some transformers begin with output layers of zeros, which would hide every mistake."""
    if transformer is not None:
        for parameter in transformer.parameters():
            if not parameter.any():
                torch.nn.init.normal_(parameter, std=0.3)
