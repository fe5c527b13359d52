"""Noise, image and velocity against the closed forms of a linear-Gaussian process."""

import pytest
import torch

from lit_mia.models.parameterization import PARAMETERIZATIONS, Levels, flow_levels, preserving_levels

MU, SD = 0.7, 1.6
"""Pixels are N(0.7, 1.6²)."""
ALPHAS_BAR = torch.linspace(0.9995, 0.002, 1000, dtype=torch.float64)
T = torch.tensor([0, 50, 400, 999])


def draws():
    generator = torch.Generator().manual_seed(0)
    shape = (4, 3, 8, 8)
    x0 = MU + SD * torch.randn(shape, generator=generator, dtype=torch.float64)
    return x0, torch.randn(shape, generator=generator, dtype=torch.float64)


def levels(kind, like):
    return flow_levels((T + 1) / 1000, like) if kind == "flow" else preserving_levels(ALPHAS_BAR, t=T, like=like)


def best(x, at):
    """E[x_0 | x_t] and E[e | x_t] of the linear-Gaussian process, by regression."""
    residual = (x - at.signal * MU) / (at.signal**2 * SD**2 + at.noise**2)
    return MU + at.signal * SD**2 * residual, at.noise * residual


@pytest.mark.parametrize("kind", PARAMETERIZATIONS)
def test_the_best_output_is_the_mean_target_and_gives_the_best_image_and_noise(kind):
    x0, e = draws()
    at = levels(kind, like=x0)
    x = at.noised(x0, e)
    clean, noise = best(x, at)
    form = PARAMETERIZATIONS[kind]
    output = form.target(clean, noise, at)  # targets are linear, so the best output is the target of the best guesses
    torch.testing.assert_close(form.clean(x, output, at), clean, rtol=0, atol=1e-9)
    torch.testing.assert_close(form.noise(x, output, at), noise, rtol=0, atol=1e-9)


def test_noise_access_and_velocity_access_of_one_process_imply_the_same_image():
    x0, e = draws()
    at = preserving_levels(ALPHAS_BAR, t=T, like=x0)
    x = at.noised(x0, e)
    clean, noise = best(x, at)
    implied = [
        form.clean(x, form.target(clean, noise, at), at) for name, form in PARAMETERIZATIONS.items() if name != "flow"
    ]
    for image in implied:
        torch.testing.assert_close(image, clean, rtol=0, atol=1e-6)


def test_a_flow_is_a_preserving_process_seen_through_another_scale():
    """x_σ/√((1 − σ)² + σ²) is variance-preserving: its noise prediction and the flow's velocity are the same answer."""
    x0, e = draws()
    flow = flow_levels(torch.tensor([0.1, 0.3, 0.6, 0.95]), like=x0)
    scale = (flow.signal**2 + flow.noise**2).sqrt()
    preserving = Levels(flow.signal / scale, flow.noise / scale)
    x = flow.noised(x0, e)
    velocity = PARAMETERIZATIONS["flow"].target(*best(x, flow), flow)
    for kind in ("epsilon", "v_prediction", "sample"):
        form = PARAMETERIZATIONS[kind]
        output = form.target(*best(x / scale, preserving), preserving)
        image, noise = form.clean(x / scale, output, preserving), form.noise(x / scale, output, preserving)
        torch.testing.assert_close(PARAMETERIZATIONS["flow"].clean(x, velocity, flow), image, rtol=0, atol=1e-6)
        torch.testing.assert_close(PARAMETERIZATIONS["flow"].noise(x, velocity, flow), noise, rtol=0, atol=1e-6)


def test_the_velocity_of_a_flow_has_its_closed_form():
    """v(x, σ) = E[e − x_0 | x] = (σ − (1 − σ)·s²)·(x − (1 − σ)·μ)/((1 − σ)²·s² + σ²) − μ."""
    x0, e = draws()
    sigma = torch.tensor([0.1, 0.3, 0.6, 0.95], dtype=torch.float64)
    at = flow_levels(sigma, like=x0)
    x = at.noised(x0, e)
    s = sigma.view(4, 1, 1, 1)
    closed = (s - (1 - s) * SD**2) * (x - (1 - s) * MU) / ((1 - s) ** 2 * SD**2 + s**2) - MU
    clean, noise = best(x, at)
    torch.testing.assert_close(PARAMETERIZATIONS["flow"].target(clean, noise, at), closed, rtol=0, atol=1e-9)
    torch.testing.assert_close(PARAMETERIZATIONS["flow"].clean(x, closed, at), clean, rtol=0, atol=1e-9)


@pytest.mark.parametrize("kind", PARAMETERIZATIONS)
def test_the_exact_target_gives_back_image_and_noise(kind):
    x0, e = draws()
    at = levels(kind, like=x0)
    form, x = PARAMETERIZATIONS[kind], at.noised(x0, e)
    output = form.target(x0, e, at)
    torch.testing.assert_close(form.clean(x, output, at), x0, rtol=0, atol=1e-9)
    torch.testing.assert_close(form.noise(x, output, at), e, rtol=0, atol=1e-9)


def test_targets_are_those_of_diffusers():
    from diffusers import DDPMScheduler, FlowMatchEulerDiscreteScheduler

    x0, e = draws()
    scheduler = DDPMScheduler(beta_schedule="scaled_linear")
    at = preserving_levels(scheduler.alphas_cumprod, t=T, like=x0)
    velocity = PARAMETERIZATIONS["v_prediction"].target(x0, e, at)
    torch.testing.assert_close(velocity, scheduler.get_velocity(x0, e, T), rtol=0, atol=1e-6)
    torch.testing.assert_close(at.noised(x0, e), scheduler.add_noise(x0, e, T), rtol=0, atol=1e-6)
    flow = FlowMatchEulerDiscreteScheduler(shift=3.0)
    t = flow.timesteps[[0, 20, 500, 999]]
    noised = flow_levels(t / 1000, like=x0).noised(x0, e)
    torch.testing.assert_close(noised, flow.scale_noise(x0, t, e), rtol=0, atol=1e-6)
