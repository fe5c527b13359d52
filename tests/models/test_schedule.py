"""The closed forms of diffusion against the schedulers of diffusers, and the schedule that a target reports."""

import json
import shutil

import pytest
import torch

from lit_mia.errors import TargetError
from lit_mia.models.schedule import Schedule
from lit_mia.targets.base import AccessLevel
from lit_mia.targets.denoiser import DenoiserTarget

X0 = torch.randn(2, 3, 4, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
E = torch.randn(2, 3, 4, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
TIMESTEPS = [1, 100, 500, 999]


def assert_close_to_float32(ours, theirs):
    """The schedulers take the roots of their coefficients in float32."""
    torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-5)


@pytest.fixture(scope="module")
def ddim():
    from diffusers import DDIMScheduler

    scheduler = DDIMScheduler(clip_sample=False, beta_schedule="scaled_linear")
    scheduler.set_timesteps(1000)
    return scheduler


@pytest.fixture(scope="module")
def schedule(ddim):
    return Schedule(ddim.alphas_cumprod.double().tolist())


@pytest.mark.parametrize("t", TIMESTEPS)
def test_noising_is_what_the_scheduler_adds(ddim, schedule, t):
    torch.testing.assert_close(schedule.noised(X0, E, t), ddim.add_noise(X0, E, torch.full((2,), t)))
    assert schedule.signal(t) ** 2 + schedule.sigma(t) ** 2 == pytest.approx(1)


@pytest.mark.parametrize("t", TIMESTEPS)
def test_the_clean_image_of_the_true_noise_is_the_image(ddim, schedule, t):
    x = schedule.noised(X0, E, t)
    torch.testing.assert_close(schedule.clean(x, E, t), X0)
    guess = E.flip(0)
    assert_close_to_float32(schedule.clean(x, guess, t), ddim.step(guess, t, x).pred_original_sample)


@pytest.mark.parametrize("t", TIMESTEPS)
def test_a_step_down_is_the_step_of_ddim(ddim, schedule, t):
    x, guess = schedule.noised(X0, E, t), E.flip(0)
    assert_close_to_float32(schedule.step(x, guess, t, t - 1), ddim.step(guess, t, x).prev_sample)


def test_a_step_up_is_undone_by_a_step_down(schedule):
    x = schedule.noised(X0, E, 100)
    there = schedule.step(x, E, 100, 400)
    torch.testing.assert_close(there, schedule.noised(X0, E, 400))
    torch.testing.assert_close(schedule.step(there, E, 400, 100), x)


def test_a_tensor_keeps_its_type(schedule):
    assert schedule.noised(X0.float(), E.float(), 100).dtype == torch.float32
    assert schedule.step(X0, E, 100, 200).dtype == torch.float64


def test_timesteps_outside_the_training_are_named(schedule):
    assert len(schedule) == 1000
    schedule.check(0, 999)
    with pytest.raises(TargetError, match=r"must be in 0 … 999.* needs \[-1, 1000\]. Lower `t`"):
        schedule.check(5, 1000, -1, 1000)


def test_a_target_reports_the_schedule_of_its_training(tiny_pipeline_folder):
    from diffusers import DDIMScheduler

    alphas = DDIMScheduler().alphas_cumprod
    schedule = DenoiserTarget(str(tiny_pipeline_folder), device="cpu").schedule
    assert len(schedule) == 1000
    assert [schedule.signal(t) for t in range(1000)] == pytest.approx(alphas.double().sqrt().tolist(), abs=1e-12)


def test_flow_matching_has_no_such_schedule(tiny_pipeline_folder, tmp_path):
    from diffusers import FlowMatchEulerDiscreteScheduler

    folder = shutil.copytree(tiny_pipeline_folder, tmp_path / "flow")
    index = json.loads((folder / "model_index.json").read_text())
    index["scheduler"] = ["diffusers", "FlowMatchEulerDiscreteScheduler"]
    (folder / "model_index.json").write_text(json.dumps(index))
    FlowMatchEulerDiscreteScheduler().save_pretrained(folder / "scheduler")
    target = DenoiserTarget(str(folder), device="cpu")
    image = torch.zeros(1, 3, 16, 16, dtype=torch.uint8)
    for ask in (lambda: target.schedule, lambda: target.vary(image, ["moon"], [0])):
        with pytest.raises(
            TargetError, match=r"FlowMatchEulerDiscreteScheduler of .* has no betas .* level `generate`"
        ):
            ask()


def test_timesteps_of_pure_noise_are_refused_with_the_largest_usable(ddim):
    from diffusers import DDIMScheduler

    zero = DDIMScheduler.from_config(ddim.config, rescale_betas_zero_snr=True)
    schedule = Schedule(zero.alphas_cumprod.double().tolist())
    schedule.check(0, 998)
    with pytest.raises(TargetError, match=r"At the timesteps \[999\] .* \(zero terminal SNR\).* usable `t` is 998"):
        schedule.check(500, 999)


@pytest.mark.parametrize("name", ["DDIMScheduler", "EulerDiscreteScheduler", "DPMSolverMultistepScheduler"])
def test_zero_terminal_snr_is_refused_before_anything_is_asked(tiny_pipeline_folder, tmp_path, name):
    import diffusers

    folder = shutil.copytree(tiny_pipeline_folder, tmp_path / name)
    index = json.loads((folder / "model_index.json").read_text()) | {"scheduler": ["diffusers", name]}
    (folder / "model_index.json").write_text(json.dumps(index))
    options = {"prediction_type": "v_prediction", "timestep_spacing": "trailing", "steps_offset": 1}
    getattr(diffusers, name)(rescale_betas_zero_snr=True, **options).save_pretrained(folder / "scheduler")
    target = DenoiserTarget(str(folder), device="cpu", vary_t=998, vary_k=1)
    target.check_use({AccessLevel.DENOISE}, 998, 16)
    with pytest.raises(TargetError, match=r"\[999\] .* usable `t` is 998"):
        target.check_use({AccessLevel.DENOISE}, 999, 16)
    with pytest.raises(TargetError, match=r"\[999\] .* usable `t` is 998"):  # the offset lifts it
        target.check_variation()
    assert target.nfe == 0
    assert DenoiserTarget(str(folder), device="cpu")._way_back()[0].config.rescale_betas_zero_snr
