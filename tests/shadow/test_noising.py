"""How timesteps are drawn and records looked at, against diffusers' own training code."""

import pytest
import torch

from lit_mia.errors import TrainingError
from lit_mia.shadow.noising import FlowNoising, PreservingNoising


def schedulers():
    from diffusers import DDPMScheduler, FlowMatchEulerDiscreteScheduler

    return DDPMScheduler(), FlowMatchEulerDiscreteScheduler(shift=3.0)


def test_timesteps_are_drawn_as_the_scripts_of_diffusers_do():
    from diffusers.training_utils import compute_density_for_timestep_sampling

    noise, flow = (kind(s) for kind, s in zip((PreservingNoising, FlowNoising), schedulers(), strict=True))
    for noising, usual, other in ((noise, "none", "logit_normal"), (flow, "logit_normal", "none")):
        for density, scheme in ((None, usual), ("uniform" if other == "none" else other, other)):
            torch.manual_seed(5)
            drawn = noising.drawn(2000, density)
            torch.manual_seed(5)
            u = compute_density_for_timestep_sampling(scheme, 2000, logit_mean=0.0, logit_std=1.0)
            assert torch.equal(drawn, noising.timesteps[(u * 1000).long()])
    assert noise.timesteps.tolist() == list(range(1000))
    assert torch.equal(flow.timesteps, schedulers()[1].timesteps)
    assert float(flow.timesteps[500]) == pytest.approx(3 * 500 / (1 + 2 * 0.5))  # shifted


def test_the_levels_are_those_of_the_schedulers():
    x0, e = torch.randn(2, 3, 4, 4, 4, generator=torch.Generator().manual_seed(0))
    preserving, flow = schedulers()
    t = torch.tensor([5, 400, 900])
    noised = PreservingNoising(preserving).levels(t, like=x0).noised(x0, e)
    torch.testing.assert_close(noised, preserving.add_noise(x0, e, t))
    noising = FlowNoising(flow)
    t = noising.timesteps[t]
    torch.testing.assert_close(noising.levels(t, like=x0).noised(x0, e), flow.scale_noise(x0, t, e))


@pytest.mark.parametrize("kind", ["epsilon", "v_prediction", "sample"])
def test_records_are_looked_at_by_the_noise_whatever_is_predicted(kind):
    from diffusers import DDPMScheduler

    noising = PreservingNoising(DDPMScheduler(prediction_type=kind))
    x0, e, guess = torch.randn(3, 2, 4, 4, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    at = noising.levels(torch.tensor([50, 500]), like=x0)
    clean = (at.noised(x0, e) - at.noise * guess) / at.signal
    output = noising.form.target(clean, guess, at)  # what says that the noise is `guess`
    torch.testing.assert_close(noising.errors(output, x0, e, at), guess - e)


def test_a_flow_is_looked_at_by_its_velocity():
    noising = FlowNoising(schedulers()[1])
    x0, e, output = torch.randn(3, 2, 4, 4, 4, generator=torch.Generator().manual_seed(0))
    at = noising.levels(torch.tensor([300.0, 700.0]), like=x0)
    torch.testing.assert_close(noising.errors(output, x0, e, at), output - (e - x0))
    assert noising.probed == (300, 500, 700)


def test_a_short_schedule_is_looked_at_where_it_is():
    from diffusers import DDPMScheduler

    assert PreservingNoising(DDPMScheduler(num_train_timesteps=300)).probed == (50, 100, 200)


def test_schedulers_of_another_process_are_refused():
    preserving, flow = schedulers()
    with pytest.raises(TrainingError, match=r"FlowMatchEulerDiscreteScheduler .* does not say how"):
        PreservingNoising(flow)
    with pytest.raises(TrainingError, match="DDPMScheduler is none of flow matching"):
        FlowNoising(preserving)
