"""Variations of an image: through the call of a real pipeline, and by a denoiser and its scheduler."""

import json
import shutil

import pytest
import torch
from rounding import assert_same_up_to_rounding

from lit_mia.errors import TargetError
from lit_mia.targets.base import AccessLevel
from lit_mia.targets.denoiser import DenoiserTarget
from lit_mia.targets.variation import VariationTarget

CAPTIONS = ["a red cat", None, "moon"]
SEEDS = [11, 2**63 - 1, 0]
IMAGES = torch.randint(0, 256, (3, 3, 16, 16), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


def make(folder, **options):
    return VariationTarget(str(folder), **{"steps": 10, "device": "cpu"} | options)


def by_denoiser(folder, **options):
    return DenoiserTarget(str(folder), device="cpu", **options)


def mean_distance(first, second):
    return float((first.int() - second.int()).abs().float().mean())


@pytest.fixture(scope="module")
def pixel_folders(tmp_path_factory):
    """One pixel model of 16 x 16 with a sampler that draws noise, and with one that does not."""
    from diffusers import DDIMPipeline, DDIMScheduler, DDPMPipeline, DDPMScheduler, UNet2DModel

    root = tmp_path_factory.mktemp("pixel")
    blocks = {"down_block_types": ("DownBlock2D",), "up_block_types": ("UpBlock2D",)}
    with torch.random.fork_rng():
        torch.manual_seed(0)
        unet = UNet2DModel(sample_size=16, block_out_channels=(4,), norm_num_groups=2, attention_head_dim=2, **blocks)
        torch.nn.init.normal_(unet.conv_out.weight, std=0.1)
    DDPMPipeline(unet, DDPMScheduler()).save_pretrained(root / "ddpm")
    DDIMPipeline(unet, DDIMScheduler()).save_pretrained(root / "ddim")
    return {"ddpm": root / "ddpm", "ddim": root / "ddim"}


@pytest.fixture
def with_scheduler(tiny_pipeline_folder, tmp_path):
    """Copies the latent pipeline with another scheduler."""

    def copy(name, **options):
        import diffusers

        folder = shutil.copytree(tiny_pipeline_folder, tmp_path / name)
        index = json.loads((folder / "model_index.json").read_text())
        (folder / "model_index.json").write_text(json.dumps(index | {"scheduler": ["diffusers", name]}))
        getattr(diffusers, name)(**options).save_pretrained(folder / "scheduler")
        return folder

    return copy


def assert_keeps_to_record_and_seed(target):
    answer = target.vary(IMAGES, CAPTIONS, SEEDS)
    assert answer.dtype == torch.uint8
    assert answer.shape == IMAGES.shape
    alone = [target.vary(IMAGES[i : i + 1], CAPTIONS[i : i + 1], SEEDS[i : i + 1]) for i in range(3)]
    assert_same_up_to_rounding(torch.cat(alone), answer)
    order = [2, 0, 1]
    other = target.vary(IMAGES[order], [CAPTIONS[i] for i in order], [SEEDS[i] for i in order])
    assert_same_up_to_rounding(other, answer[order])
    one = target.vary(IMAGES[[0, 0]], ["moon", "moon"], [1, 2])
    assert (one[0] != one[1]).any()


def test_a_call_keeps_to_record_and_seed(tiny_pipeline_folder):
    assert_keeps_to_record_and_seed(make(tiny_pipeline_folder, strength=0.5, guidance=3.0))


def test_a_sampler_that_draws_noise_keeps_to_record_and_seed(with_scheduler):
    assert_keeps_to_record_and_seed(make(with_scheduler("EulerAncestralDiscreteScheduler"), strength=0.5))


@pytest.mark.parametrize("kind", ["ddpm", "ddim"])
def test_a_denoiser_keeps_to_record_and_seed(pixel_folders, kind):
    assert_keeps_to_record_and_seed(by_denoiser(pixel_folders[kind]))


def test_latent_draws_keep_to_record_and_seed(tiny_pipeline_folder):
    assert_keeps_to_record_and_seed(by_denoiser(tiny_pipeline_folder, latent="sample", guidance=3.0))


def test_the_answer_is_that_of_the_public_pipeline(tiny_pipeline_folder):
    from diffusers import StableDiffusionImg2ImgPipeline
    from PIL import Image

    pipeline = StableDiffusionImg2ImgPipeline.from_pretrained(tiny_pipeline_folder)
    image = Image.fromarray(IMAGES[0].permute(1, 2, 0).numpy())
    options = {"strength": 0.6, "num_inference_steps": 10, "guidance_scale": 3.0, "output_type": "np"}
    for prompt, expected in (("caption", "a red cat"), ("none", "")):
        theirs = pipeline(expected, image, generator=torch.Generator().manual_seed(11), **options).images[0]
        ours = make(tiny_pipeline_folder, strength=0.6, guidance=3.0, prompt=prompt).vary(IMAGES, CAPTIONS, SEEDS)
        assert_same_up_to_rounding(ours[0], torch.from_numpy(theirs * 255).round().permute(2, 0, 1))


@pytest.mark.parametrize(
    ("made", "options"), [(make, {"strength": 1.0}), (by_denoiser, {"vary_t": 900})], ids=["call", "denoiser"]
)
def test_captions_reach_the_network_unless_switched_off(tiny_pipeline_folder, made, options):
    told, silent = (
        made(tiny_pipeline_folder, prompt=prompt, guidance=20.0, **options).vary(IMAGES, CAPTIONS, SEEDS)
        for prompt in ("caption", "none")
    )
    assert (told != silent).flatten(1).any(1).tolist() == [True, False, True]


@pytest.mark.parametrize(("strength", "guidance", "evaluations"), [(0.2, 1.0, 2), (0.5, 1.0, 5), (0.5, 3.0, 10)])
def test_strength_is_the_share_of_the_steps(tiny_pipeline_folder, strength, guidance, evaluations):
    target = make(tiny_pipeline_folder, strength=strength, guidance=guidance)
    seen = []
    target._pipeline.unet.register_forward_pre_hook(lambda _, inputs: seen.append(len(inputs[0])))
    target.vary(IMAGES, CAPTIONS, SEEDS)
    assert sum(seen) == 3 * evaluations


def test_the_size_is_that_of_the_pipeline_or_the_given_one(tiny_pipeline_folder):
    assert make(tiny_pipeline_folder).image_size == 16
    larger = make(tiny_pipeline_folder, height=32)
    assert larger.image_size == 32
    assert larger.vary(IMAGES.repeat(1, 1, 2, 2), CAPTIONS, SEEDS).shape == (3, 3, 32, 32)
    with pytest.raises(TargetError, match=r"images of side 17 with \[3, 3, 16, 16\]. Set `height`"):
        make(tiny_pipeline_folder, height=17).vary(torch.zeros(3, 3, 17, 17, dtype=torch.uint8), CAPTIONS, SEEDS)


@pytest.mark.parametrize("images", [IMAGES[..., :8], IMAGES[:, :1], IMAGES.float()], ids=["size", "grayscale", "float"])
def test_images_of_another_form_are_refused(tiny_pipeline_folder, images):
    with pytest.raises(TargetError, match=r"takes uint8 RGB images \[n, 3, 16, 16\], but got torch"):
        make(tiny_pipeline_folder).vary(images, CAPTIONS, SEEDS)


def test_a_pipeline_that_takes_no_image_is_refused(pixel_folders):
    with pytest.raises(TargetError, match=r"is not image-to-image: DDPMPipeline does not take prompt, image, strength"):
        make(pixel_folders["ddpm"]).vary(IMAGES, CAPTIONS, SEEDS)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"strength": 0.0}, r"`strength` must be in \(0, 1\], but got 0.0"),
        ({"strength": 1.1, "steps": 0}, r"`steps` must be at least 1, but got 0; `strength` .* but got 1.1"),
        ({"strength": 0.2, "steps": 4}, r"`strength` times `steps` must be at least 1, .* got 0.2 and 4; raise"),
        ({"guidance": -1.0, "height": 0}, r"`height` must be at least 1, but got 0; `guidance` .* but got -1"),
    ],
)
def test_arguments_out_of_range_are_refused(tiny_pipeline_folder, options, message):
    with pytest.raises(TargetError, match=message):
        make(tiny_pipeline_folder, **options)


def test_fingerprint_sees_what_changes_an_answer_and_nothing_else(tiny_pipeline_folder):
    plain = make(tiny_pipeline_folder).fingerprint()
    assert make(tiny_pipeline_folder, batch_size=2, name="a", device="auto").fingerprint() == plain
    assert plain["access"] == "vary"
    changes = {"strength": 0.3, "steps": 20, "guidance": 2.0, "prompt": "none", "height": 32, "dtype": "float16"}
    for name, value in (changes | {"variant": "fp16"}).items():
        assert make(tiny_pipeline_folder, **{name: value}).fingerprint() == plain | {name: value}


def test_it_offers_variations_only(tiny_pipeline_folder):
    target = make(tiny_pipeline_folder)
    target.require(AccessLevel.VARY)
    for level in (AccessLevel.DENOISE, AccessLevel.GENERATE):
        with pytest.raises(TargetError, match=f"does not offer the access level '{level}'; it offers: vary"):
            target.require(level)


@pytest.mark.parametrize("kind", ["ddpm", "ddim"])
def test_a_denoiser_varies_more_from_a_later_time(pixel_folders, kind):
    near = by_denoiser(pixel_folders[kind], vary_t=10, vary_k=10).vary(IMAGES, CAPTIONS, SEEDS)
    far = by_denoiser(pixel_folders[kind], vary_t=400, vary_k=100).vary(IMAGES, CAPTIONS, SEEDS)
    assert 0 < mean_distance(near, IMAGES) < 10
    assert mean_distance(far, IMAGES) > 20


@pytest.mark.parametrize("name", ["PNDMScheduler", "EulerDiscreteScheduler", "HeunDiscreteScheduler"])
def test_samplers_that_cannot_start_in_the_middle_give_way_to_ddim(with_scheduler, tiny_pipeline_folder, name):
    other = with_scheduler(name, beta_start=0.0001, beta_end=0.02, steps_offset=1)
    answer = by_denoiser(other, vary_t=600).vary(IMAGES, CAPTIONS, SEEDS)
    ddim = by_denoiser(tiny_pipeline_folder, vary_t=600).vary(IMAGES, CAPTIONS, SEEDS)
    assert mean_distance(answer, ddim) < 1


def test_learned_variances_are_not_needed(with_scheduler):
    folder = with_scheduler("DDPMScheduler", variance_type="learned_range", steps_offset=1, clip_sample=False)
    assert by_denoiser(folder).vary(IMAGES, CAPTIONS, SEEDS).shape == IMAGES.shape


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"vary_t": 1000}, r"Timesteps must be in 0 … 999.* needs \[1000\]"),
        (
            {"vary_t": 300, "vary_k": 300},
            "`vary_k` must divide 1000, the length of .* schedule, but got 300",
        ),
    ],
)
def test_times_that_the_schedule_lacks_are_refused(pixel_folders, options, message):
    with pytest.raises(TargetError, match=message):
        by_denoiser(pixel_folders["ddim"], **options).vary(IMAGES, CAPTIONS, SEEDS)


def test_a_step_longer_than_the_way_is_refused(pixel_folders):
    with pytest.raises(TargetError, match="`vary_t` must be a multiple of `vary_k`, but got 100 and 200"):
        by_denoiser(pixel_folders["ddim"], vary_t=100, vary_k=200)
