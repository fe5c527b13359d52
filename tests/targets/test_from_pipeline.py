"""Targets of pipelines in memory answer as those of the saved pipelines, and leave the pipelines as they are."""

import gc

import pytest
import torch

from lit_mia.configured import given_to
from lit_mia.errors import TargetError
from lit_mia.targets import DenoiserTarget, DiffusersTarget, VariationTarget

PROMPTS, SEEDS = ["a cat", "two dogs"], [1, 2**63 - 1]
IMAGES = torch.randint(0, 256, (2, 3, 16, 16), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def loaded():
    from diffusers import DiffusionPipeline

    return DiffusionPipeline.from_pretrained


@pytest.mark.parametrize(
    ("family", "options"),
    [
        ("sd", {}),
        ("sd", {"scheduler": "euler_a", "negative_prompt": "a dog"}),
        ("sd3", {}),
    ],
)
def test_images_are_those_of_the_saved_pipeline(family_folder, loaded, family, options):
    folder = family_folder(family)
    pipeline = loaded(folder)
    live = DiffusersTarget.from_pipeline(pipeline, steps=2, **options)
    saved = DiffusersTarget(str(folder), steps=2, device="cpu", **options)
    assert (live.generate(PROMPTS, SEEDS) == saved.generate(PROMPTS, SEEDS)).all()
    assert live.nfe_per_image == saved.nfe_per_image
    assert live.facts == saved.facts
    apart = {name for name, value in saved.fingerprint().items() if live.fingerprint()[name] != value}
    assert apart == {"weights"}
    assert live.name == f"{type(pipeline).__name__} in memory"


def test_a_pipeline_in_use_is_left_as_it_is(tiny_pipeline_folder, loaded):
    pipeline = loaded(tiny_pipeline_folder)
    pipeline.set_progress_bar_config(desc="mine")
    pipeline.unet.train()
    scheduler, parts = pipeline.scheduler, dict(pipeline.components)
    target = DiffusersTarget.from_pipeline(pipeline, steps=2, scheduler="ddpm")
    denoiser = DenoiserTarget.from_pipeline(pipeline, precision="bfloat16", channels_last=True)
    target.generate(PROMPTS, SEEDS)
    denoiser.vary(IMAGES, PROMPTS, SEEDS)
    assert pipeline.components == parts
    assert pipeline.scheduler is scheduler
    assert scheduler.num_inference_steps is None
    assert pipeline._progress_bar_config == {"desc": "mine"}
    assert all(module.training for module in pipeline.unet.modules())
    assert all(weight.requires_grad and weight.dtype == torch.float32 for weight in pipeline.unet.parameters())
    assert "forward" not in vars(pipeline.unet.conv_in)
    target.fingerprint()


@pytest.mark.parametrize("folder", ["tiny_pipeline_folder", "tiny_ddpm_folder"])
def test_a_denoiser_answers_as_that_of_the_saved_pipeline(request, loaded, folder):
    folder = request.getfixturevalue(folder)
    live = DenoiserTarget.from_pipeline(loaded(folder), guidance=2.0)
    saved = DenoiserTarget(str(folder), guidance=2.0, device="cpu")
    answers = []
    for target in (live, saved):
        x = target.encode(IMAGES, SEEDS, sample=True)
        noise = target.predict_noise(x, torch.tensor([3, 700]), target.condition(PROMPTS))
        answers.append((x, noise, target.vary(IMAGES, PROMPTS, SEEDS), target.nfe, target.image_size, target.is_latent))
    for one, other in zip(*answers, strict=True):
        assert torch.equal(one, other) if isinstance(one, torch.Tensor) else one == other
    assert live.schedule == saved.schedule
    assert {name for name, value in saved.fingerprint().items() if live.fingerprint()[name] != value} == {"weights"}


def test_a_denoiser_computes_at_its_precision_whatever_the_type_of_the_weights(tiny_pipeline_folder, loaded, tmp_path):
    pipeline = loaded(tiny_pipeline_folder).to(torch.bfloat16)
    pipeline.save_pretrained(tmp_path / "low")
    live, saved = DenoiserTarget.from_pipeline(pipeline), DenoiserTarget(str(tmp_path / "low"), device="cpu")
    one, other = (target.encode(IMAGES, SEEDS) for target in (live, saved))
    assert torch.equal(one, other)
    assert pipeline.dtype == torch.bfloat16
    assert DiffusersTarget.from_pipeline(pipeline).fingerprint()["dtype"] == "bfloat16"


@pytest.mark.parametrize("kind", [DiffusersTarget, VariationTarget])
def test_formats_that_do_not_go_together_are_refused(tiny_pipeline_folder, loaded, kind):
    pipeline = loaded(tiny_pipeline_folder)
    pipeline.text_encoder.to(torch.bfloat16)
    target = kind.from_pipeline(pipeline, steps=10)
    assert target.fingerprint()["dtype"] == "bfloat16, float32"
    with pytest.raises(TargetError, match=r"several number formats .* do not go together"):
        target.vary(IMAGES, PROMPTS, SEEDS) if kind is VariationTarget else target.generate(PROMPTS, SEEDS)


def test_variations_are_those_of_the_saved_pipeline(tiny_pipeline_folder, loaded):
    live = VariationTarget.from_pipeline(loaded(tiny_pipeline_folder), steps=10)
    saved = VariationTarget(str(tiny_pipeline_folder), steps=10, device="cpu")
    assert (live.vary(IMAGES, PROMPTS, SEEDS) == saved.vary(IMAGES, PROMPTS, SEEDS)).all()


def test_the_arguments_of_a_target_make_it_again_while_the_pipeline_is_held(tiny_pipeline_folder, loaded):
    target = DiffusersTarget.from_pipeline(loaded(tiny_pipeline_folder), steps=2)
    arguments = given_to(target)
    assert arguments == {"path": f"memory:{target.fingerprint()['weights']}", "steps": 2}
    assert DiffusersTarget(**arguments).fingerprint() == target.fingerprint()
    del target
    gc.collect()
    for kind in (DiffusersTarget, DenoiserTarget, VariationTarget):
        with pytest.raises(TargetError, match=r"in the memory of another process.* save it with `save_pretrained`"):
            kind(arguments["path"])


@pytest.mark.parametrize("kind", [DiffusersTarget, DenoiserTarget, VariationTarget])
def test_settings_of_files_and_unknown_ones_are_refused(kind):
    with pytest.raises(
        TargetError, match=r"`.*\.from_pipeline` does not take device, stepz, but .*guidance.* is given\.$"
    ):
        kind.from_pipeline(None, device="cpu", stepz=3)


def test_what_draws_no_images_of_a_text_is_refused(tiny_ddpm_folder, loaded):
    target = DiffusersTarget.from_pipeline(loaded(tiny_ddpm_folder), guidance=None)
    with pytest.raises(TargetError, match="is not text-to-image: it takes no prompt"):
        target.generate(PROMPTS, SEEDS)
