"""What networks want beside x_t, t and a text: given as their pipelines give it, or refused by name."""

import json
import shutil

import diffusers
import pytest
import torch
from tiny_pipelines import make_text_parts, make_unet, make_vae

from lit_mia.errors import TargetError
from lit_mia.models.denoising_networks import Autoencoder
from lit_mia.targets.denoiser import DenoiserTarget
from lit_mia.targets.diffusion import DiffusersTarget
from lit_mia.targets.variation import VariationTarget

IMAGE = torch.zeros(1, 3, 16, 16, dtype=torch.uint8)
CAPTIONS = ["a red cat", "", "moon"]
TIMES = torch.tensor([3, 500, 990])


def build(pipeline, unet=None, **more):
    cls = getattr(diffusers, pipeline)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        parts = {"unet": unet or make_unet(), "vae": make_vae(), **make_text_parts(), **more}
    sampler = diffusers.LCMScheduler() if pipeline.startswith("Latent") else diffusers.DDIMScheduler(clip_sample=False)
    return cls(**parts, scheduler=sampler, safety_checker=None, feature_extractor=None, requires_safety_checker=False)


@pytest.fixture
def saved(tmp_path):
    def save(pipeline, unet=None, **more):
        build(pipeline, unet, **more).save_pretrained(tmp_path / "pipe")
        return tmp_path / "pipe"

    return save


def denoiser(folder, **options):
    return DenoiserTarget(str(folder), device="cpu", **options)


def generator(folder, **options):
    return DiffusersTarget(str(folder), **{"steps": 2, "guidance": 1.0, "device": "cpu"} | options)


def noise(*shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0))


def told_by_the_pipeline(folder, captions, guidance, **options):
    """What the network is called with, at its first evaluation in a real call of the pipeline."""
    target = generator(folder, guidance=guidance, **options)
    seen = []
    target._pipeline.unet.register_forward_pre_hook(
        lambda _, args, named: seen.append({"x": args[0], **named}), with_kwargs=True
    )
    target.generate(captions, list(range(len(captions))))
    return seen[0]


def told_by_the_denoiser(folder, captions, **options):
    target, seen = denoiser(folder, **options), []
    target._network.module.register_forward_pre_hook(
        lambda _, args, named: seen.append({"encoder_hidden_states": args[2], **named}), with_kwargs=True
    )
    x = noise(len(captions), 4, 8, 8)
    target.predict_noise(x, torch.full((len(captions),), 500), target.condition(captions))
    return seen[0]


def masked_text_parts():
    parts = make_text_parts()
    parts["text_encoder"].config.use_attention_mask = True
    return parts


def with_vectors(folder):
    """The pipeline with a word of three learned vectors."""
    pipeline = diffusers.StableDiffusionPipeline.from_pretrained(folder, safety_checker=None)
    with torch.random.fork_rng():
        pipeline.load_textual_inversion(3 * noise(3, 8), token="<cat>")
    pipeline.save_pretrained(folder)
    return folder


@pytest.mark.parametrize("kind", ["plain", "vectors", "masked", "lcm"])
def test_a_denoiser_is_told_of_a_prompt_what_its_pipeline_tells_it(saved, kind):
    folder = {
        "plain": lambda: saved("StableDiffusionPipeline"),
        "vectors": lambda: with_vectors(saved("StableDiffusionPipeline")),
        "masked": lambda: saved("StableDiffusionPipeline", **masked_text_parts()),
        "lcm": lambda: saved("LatentConsistencyModelPipeline", make_unet(time_cond_proj_dim=6)),
    }[kind]()
    captions = ["a <cat> on a mat", "", "moon", "a text that is far too long for it"]
    theirs, ours = (told(folder, captions, guidance=3.0) for told in (told_by_the_pipeline, told_by_the_denoiser))
    torch.testing.assert_close(ours["encoder_hidden_states"], theirs["encoder_hidden_states"], rtol=0, atol=1e-6)
    told = {"vectors": "words of several vectors", "masked": "attention mask", "lcm": "scale of guidance"}
    assert denoiser(folder).fingerprint().get("told") == told.get(kind)
    network = denoiser(folder)._network
    again = network._states(*network._tokens(captions))
    torch.testing.assert_close(again, network.condition(captions).parts["text"], rtol=0, atol=1e-6)


def test_several_vectors_make_another_answer_and_count_as_tokens(saved, caplog):
    folder = with_vectors(saved("StableDiffusionPipeline"))
    target = denoiser(folder)
    words = target._network._tokens(["<cat>"])[0][0].tolist()
    added = target._pipeline.tokenizer.added_tokens_encoder
    assert words[1:4] == [added["<cat>"], added["<cat>_1"], added["<cat>_2"]]
    reading = generator(folder)
    reading.generate(["<cat>" + "x" * 11, "<cat>" + "x" * 12], [0, 1])  # with start and end 16 tokens and 17
    assert reading.truncated == 1


@pytest.mark.parametrize("pipeline", ["LatentConsistencyModelPipeline", "StableDiffusionPipeline"])
def test_a_network_distilled_with_guidance_is_told_its_scale(saved, pipeline):
    folder = saved(pipeline, make_unet(time_cond_proj_dim=6))
    theirs, ours = (told(folder, CAPTIONS, guidance=8.0) for told in (told_by_the_pipeline, told_by_the_denoiser))
    torch.testing.assert_close(ours["timestep_cond"], theirs["timestep_cond"])
    plain, guided = denoiser(folder), denoiser(folder, guidance=8.0)
    x = noise(3, 4, 8, 8)
    answers = [target.predict_noise(x, TIMES, target.condition(CAPTIONS)) for target in (plain, guided)]
    assert (answers[0] - answers[1]).abs().max() > 1e-4
    assert (plain.nfe, guided.nfe, guided.evaluations_per_call) == (3, 3, 1)


CHANNELS = {
    "StableDiffusionInpaintPipeline": 9,
    "StableDiffusionInstructPix2PixPipeline": 8,
    "StableDiffusionPipeline": 5,
}


@pytest.mark.parametrize(("pipeline", "channels"), CHANNELS.items())
def test_networks_that_read_an_image_are_refused_with_advice(saved, pipeline, channels):
    folder = saved(pipeline, make_unet(in_channels=channels))
    said = rf"further channels with an image or a mask \(it reads {channels} channels and predicts 4\)"
    with pytest.raises(TargetError, match=rf"{said}, which no record has. Choose the text-to-image model"):
        generator(folder).generate(["moon"], [0])
    with pytest.raises(TargetError, match=rf"wants {said} beside x_t, t and a text"):
        denoiser(folder).condition(["moon"])
    with pytest.raises(TargetError, match=r"wants further channels|is not image-to-image"):
        VariationTarget(str(folder), device="cpu").vary(IMAGE, ["moon"], [0])


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"class_embed_type": "projection", "projection_class_embeddings_input_dim": 8}, "class labels"),
        ({"num_class_embeds": 5}, "class labels"),
        ({"addition_embed_type": "text"}, r"added conditions \(`addition_embed_type`\)"),
        (
            {"encoder_hid_dim": 8, "encoder_hid_dim_type": "image_proj"},
            r"embeddings of an image \(`encoder_hid_dim_type`\)",
        ),
    ],
)
def test_what_a_denoiser_is_not_told_is_refused_by_name(saved, options, named):
    folder = saved("StableDiffusionPipeline", make_unet(**options))
    with pytest.raises(
        TargetError, match=rf"UNet2DConditionModel of this StableDiffusionPipeline wants {named} beside"
    ):
        denoiser(folder).condition(["moon"])


def test_class_labels_of_a_pixel_network_are_refused_by_name(tmp_path):
    blocks = {"down_block_types": ("DownBlock2D",), "up_block_types": ("UpBlock2D",)}
    unet = diffusers.UNet2DModel(8, block_out_channels=(4,), norm_num_groups=2, num_class_embeds=3, **blocks)
    diffusers.DDPMPipeline(unet, diffusers.DDPMScheduler()).save_pretrained(tmp_path)
    with pytest.raises(TargetError, match=r"UNet2DModel of this DDPMPipeline wants class labels beside"):
        denoiser(tmp_path).condition(["moon"])


def test_a_control_network_is_refused_by_name(saved):
    control = diffusers.ControlNetModel.from_unet(make_unet(), conditioning_embedding_out_channels=(4, 4))
    folder = saved("StableDiffusionControlNetPipeline", controlnet=control)
    with pytest.raises(
        TargetError, match="StableDiffusionControlNetPipeline wants the image of a ControlNet, which no"
    ):
        generator(folder).generate(["moon"], [0])
    with pytest.raises(TargetError, match="wants the image of a ControlNet beside"):
        denoiser(folder).condition(["moon"])


def test_a_pipeline_that_does_not_tell_how_it_reads_prompts_is_refused(family_folder):
    with pytest.raises(TargetError, match=r"noise prediction of LDMTextToImagePipeline \(UNet2DCond.* cannot be asked"):
        denoiser(family_folder("ldm")).condition(["moon"])


def test_a_size_may_be_written_twice_but_must_be_a_square(tiny_pipeline_folder, tmp_path):
    def with_size(size, made=denoiser):
        folder = shutil.copytree(tiny_pipeline_folder, tmp_path / str(size), dirs_exist_ok=True)
        file = folder / "unet" / "config.json"
        file.write_text(json.dumps(json.loads(file.read_text()) | {"sample_size": size}))
        return made(folder)

    assert with_size([8, 8]).image_size == with_size(8).image_size == 16
    with pytest.raises(TargetError, match="made for samples of 8 x 16, but records are square images"):
        _ = with_size([8, 16]).image_size
    with pytest.raises(TargetError, match="does not tell the size of its images"):
        _ = with_size(None).image_size
    with pytest.raises(TargetError, match=r"do not read a `sample_size` of \[8, 8\]. Write one number into"):
        _ = with_size([8, 8], lambda folder: VariationTarget(str(folder), device="cpu")).image_size


def test_a_tiny_autoencoder_serves_and_one_without_a_scale_is_refused(saved):
    blocks = {"encoder_block_out_channels": (4, 4), "decoder_block_out_channels": (4, 4)}
    small = diffusers.AutoencoderTiny(**blocks, num_encoder_blocks=(1, 1), num_decoder_blocks=(1, 1)).eval()
    target = denoiser(saved("StableDiffusionPipeline", vae=small))
    latents = small.encode(IMAGE / 127.5 - 1).latents.detach()
    torch.testing.assert_close(target.encode(IMAGE, [0]), latents)
    torch.testing.assert_close(target.decode(latents), small.decode(latents).sample.detach())
    assert (target.image_size, latents.shape[-1]) == (16, 8)
    with pytest.raises(TargetError, match="AutoencoderOobleck does not tell the scale and the size of its latents"):
        Autoencoder(diffusers.AutoencoderOobleck(4, [2], [1], 4, 4))
