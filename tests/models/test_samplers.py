"""Another sampler in the place of a pipeline's own keeps what the own one implies, and the fingerprint tells it."""

import json
import shutil
import warnings

import diffusers
import pytest
import torch

from lit_mia.errors import StoreError, TargetError
from lit_mia.models.samplers import replace_scheduler, successor
from lit_mia.queries.store import Store
from lit_mia.targets.denoiser import DenoiserTarget
from lit_mia.targets.diffusion import DiffusersTarget

LATENT = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear"}
SD1 = {**LATENT, "skip_prk_steps": True, "set_alpha_to_one": False, "steps_offset": 1, "clip_sample": False}
"""What the file of Stable Diffusion 1 states: less than its PNDM has, and more."""


def make(folder, **options):
    return DiffusersTarget(str(folder), **{"steps": 4, "guidance": 1.0, "device": "cpu"} | options)


def own(name, **stated):
    return getattr(diffusers, name).from_config(stated)


@pytest.fixture
def saved_with(tiny_pipeline_folder, tmp_path):
    """Copies the latent pipeline with a sampler whose file states no more than it is told."""

    def copy(name, pipeline="StableDiffusionPipeline", **stated):
        folder = shutil.copytree(tiny_pipeline_folder, tmp_path / f"{pipeline}-{name}-{len(stated)}")
        index = json.loads((folder / "model_index.json").read_text())
        index |= {"_class_name": pipeline, "scheduler": ["diffusers", name]}
        (folder / "model_index.json").write_text(json.dumps(index))
        (folder / "scheduler" / "scheduler_config.json").write_text(json.dumps({"_class_name": name, **stated}))
        return folder

    return copy


@pytest.mark.parametrize("name", ["DPMSolverMultistepScheduler", "EulerDiscreteScheduler", "PNDMScheduler"])
@pytest.mark.parametrize("other", ["DDIMScheduler", "DDPMScheduler"])
def test_a_sampler_that_never_clipped_is_not_followed_by_one_that_does(name, other):
    cls = getattr(diffusers, other)
    assert cls.from_config(own(name).config).config.clip_sample  # what diffusers does
    assert not successor(own(name), cls).config.clip_sample
    assert not successor(own(name, clip_sample=True), cls).config.clip_sample  # left over from a third
    assert successor(own("DDIMScheduler"), cls).config.clip_sample
    assert not successor(own("DDIMScheduler", clip_sample=False), cls).config.clip_sample


@pytest.mark.parametrize(
    ("name", "stated", "other", "kept"),
    [
        ("PNDMScheduler", SD1, "EulerDiscreteScheduler", {"timestep_spacing": "leading", "steps_offset": 1}),
        ("PNDMScheduler", SD1, "DPMSolverMultistepScheduler", {"timestep_spacing": "leading"}),
        ("PNDMScheduler", LATENT, "DDIMScheduler", {"set_alpha_to_one": False}),
        ("DDIMScheduler", LATENT, "PNDMScheduler", {"set_alpha_to_one": True}),
        ("LCMScheduler", {}, "DDIMScheduler", {**LATENT, "clip_sample": False}),
        ("EulerDiscreteScheduler", {"prediction_type": "v_prediction"}, "DDIMScheduler", {"clip_sample": False}),
        (
            "DDIMScheduler",
            {"prediction_type": "v_prediction", "rescale_betas_zero_snr": True, "timestep_spacing": "trailing"},
            "EulerDiscreteScheduler",
            {"prediction_type": "v_prediction", "rescale_betas_zero_snr": True, "timestep_spacing": "trailing"},
        ),
        ("PNDMScheduler", {"rescale_betas_zero_snr": True}, "DDIMScheduler", {"rescale_betas_zero_snr": False}),
    ],
)
def test_what_a_file_leaves_to_the_defaults_of_its_class_is_kept(name, stated, other, kept):
    config = successor(own(name, **stated), getattr(diffusers, other)).config
    assert kept.items() <= config.items()
    assert config["prediction_type"] == stated.get("prediction_type", "epsilon")


def test_latents_of_a_replaced_sampler_are_not_clipped(saved_with):
    silent = saved_with("DPMSolverMultistepScheduler", **LATENT)
    speaking = saved_with("DPMSolverMultistepScheduler", **LATENT, clip_sample=False)
    for scheduler in ("ddim", "ddpm"):
        images = [make(folder, scheduler=scheduler).generate(["moon"], [3]) for folder in (silent, speaking)]
        assert torch.equal(*images)


PIPELINES = ("StableDiffusionPipeline", "StableDiffusionSAGPipeline")
"""The first corrects the sampler that it is given, the second does not."""


@pytest.mark.parametrize("pipeline", PIPELINES)
@pytest.mark.parametrize(
    ("name", "stated"),
    [
        ("DPMSolverMultistepScheduler", LATENT),
        ("DPMSolverMultistepScheduler", {**LATENT, "clip_sample": False}),
        ("PNDMScheduler", SD1),
        ("DDIMScheduler", LATENT),
        ("DDIMScheduler", {**LATENT, "steps_offset": 1, "clip_sample": False}),
    ],
)
def test_the_fingerprint_changes_exactly_where_the_sampler_does(saved_with, pipeline, name, stated):
    folder = saved_with(name, pipeline, **stated)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        loaded = getattr(diffusers, pipeline).from_pretrained(folder, safety_checker=None)
    plain, saved = make(folder).fingerprint(), loaded.scheduler
    assert "scheduler_settings" not in plain
    for scheduler in ("ddim", "ddpm", "euler", "dpmsolver", "HeunDiscreteScheduler", "LCMScheduler"):
        found = make(folder, scheduler=scheduler).fingerprint()
        loaded.scheduler = saved
        replace_scheduler(loaded, scheduler)
        now = loaded.scheduler
        before = type(now).from_config(saved.config)
        changed = {key: now.config[key] for key in before._get_init_keys(type(now)) & before.config.keys()}
        changed = {key: value for key, value in changed.items() if value != before.config[key]}
        assert json.loads(str(found.pop("scheduler_settings", "{}"))) == changed
        assert found == plain | {"scheduler": scheduler}


def test_answers_of_a_clipped_sampler_are_refused_with_the_reason(saved_with, tmp_path):
    target = make(saved_with("DPMSolverMultistepScheduler", **LATENT), scheduler="ddim")
    now = target.fingerprint()
    Store(tmp_path / "store", {name: value for name, value in now.items() if name != "scheduler_settings"})
    with pytest.raises(StoreError, match=r'scheduler_settings: store None, target \{"clip_sample": false'):
        Store(tmp_path / "store", now)


def test_a_hub_id_tells_as_much_as_a_folder(saved_with, tmp_path, monkeypatch):
    from huggingface_hub import constants

    folder, cache = saved_with("DPMSolverMultistepScheduler", **LATENT), tmp_path / "models--someone--tiny"
    shutil.copytree(folder, cache / "snapshots" / ("0" * 40))
    (cache / "refs").mkdir()
    (cache / "refs" / "main").write_text("0" * 40)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    hub, local = (make(path, scheduler="ddim") for path in ("someone/tiny", folder))
    assert hub.fingerprint()["scheduler_settings"] == local.fingerprint()["scheduler_settings"]
    assert hub.facts == local.facts
    hub, local = (DenoiserTarget(str(path)).fingerprint() for path in ("someone/tiny", folder))
    assert hub == local | {"weights": hub["weights"]}
    (cache / "snapshots" / ("0" * 40) / "text_encoder" / "config.json").unlink()
    with pytest.raises(TargetError, match=r"hub gave no text_encoder/config.json of 'someone/tiny' .* Check the netw"):
        DenoiserTarget("someone/tiny").fingerprint()
    (folder / "unet" / "config.json").write_text("{")
    with pytest.raises(TargetError, match=r"The unet/config.json of .* cannot be read: Expecting property name"):
        DenoiserTarget(str(folder)).fingerprint()


def test_a_report_is_told_which_sampler_ran(saved_with):
    folder = saved_with("PNDMScheduler", **SD1)
    assert make(folder).facts["sampler"] == (
        "PNDMScheduler, prediction_type epsilon, timestep_spacing leading, steps_offset 1"
    )
    assert make(folder, scheduler="ddim").facts["sampler"] == (
        "DDIMScheduler, clip_sample False, steps_offset 1, prediction_type epsilon, thresholding False, "
        "timestep_spacing leading, rescale_betas_zero_snr False"
    )


@pytest.mark.parametrize("scheduler", ["PNDMScheduler", "HeunDiscreteScheduler", "EDMEulerScheduler"])
def test_a_sampler_that_cannot_have_the_schedule_of_the_training_is_refused_before_loading(saved_with, scheduler):
    folder = saved_with("DDIMScheduler", **LATENT, rescale_betas_zero_snr=True)
    with pytest.raises(TargetError, match=rf"'{scheduler}' cannot replace the DDIMScheduler .* one of: DDIM"):
        make(folder, scheduler=scheduler).fingerprint()


def test_settings_that_another_class_refuses_are_an_error(saved_with):
    folder = saved_with("DEISMultistepScheduler", **LATENT)
    with pytest.raises(TargetError, match=r"'dpmsolver' cannot replace the DEIS.* `final_sigmas_type` zero is not"):
        make(folder, scheduler="dpmsolver").fingerprint()


def test_the_way_back_keeps_what_the_own_sampler_implies(saved_with):
    def way_back(folder):
        target = DenoiserTarget(str(folder), device="cpu")
        return target._way_back()[0].config, target.fingerprint().get("scheduler_settings")

    config, settings = way_back(saved_with("DDIMScheduler", **LATENT))  # which its pipeline tells not to clip
    assert (config.clip_sample, config.steps_offset) == (False, 1)
    assert json.loads(settings) == {"clip_sample": False, "steps_offset": 1}
    config, settings = way_back(saved_with("DPMSolverMultistepScheduler", **LATENT))
    assert (config.clip_sample, settings) == (False, '{"steps_offset": 1}')
    config, settings = way_back(saved_with("PNDMScheduler", **SD1))
    assert (config.clip_sample, config.steps_offset, settings) == (False, 1, None)
    config, _ = way_back(saved_with("DDPMScheduler", **LATENT, variance_type=None))
    assert config.variance_type is None
