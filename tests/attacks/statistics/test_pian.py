"""PIAN: its formula, its switch, a planted signal, and none."""

import math

import pytest
import torch

from lit_mia.attacks.statistics import PIAN
from lit_mia.errors import HeadError


def rescaled(case, size):
    """The noise at 0 of each record, scaled to this mean absolute value."""
    return torch.stack([e * size / e.abs().mean() for e in case.eps(case.x0, 0)])


def moved(case, noise, t):
    return (noise - case.eps(case.noised(case.x0, noise, t), t)).abs()


@pytest.mark.parametrize(("t", "p"), [(35, 1.0), (200, 4.0), (500, 2.5)])
def test_it_is_pia_with_noise_of_the_size_of_a_normal_draw(case, t, p):
    residual = moved(case, rescaled(case, math.sqrt(2 / math.pi)), t)
    case.check(PIAN(t, p), -((residual**p).sum((1, 2, 3)) ** (1 / p)), residual)


def test_it_works_on_latents(latent_case):
    residual = moved(latent_case, rescaled(latent_case, math.sqrt(2 / math.pi)), 200)
    latent_case.check(PIAN(), -((residual**4).sum((1, 2, 3)) ** 0.25), residual)


def test_the_factor_is_the_mean_of_a_normal_draw(case):
    noise, _ = case.find(PIAN()).pair
    normal = torch.randn(10**6, generator=torch.Generator().manual_seed(0)).abs().mean()
    torch.testing.assert_close(noise.abs().mean((1, 2, 3)), normal.to(noise).expand(4), rtol=3e-3, atol=0)


def test_paper_factor_is_larger_by_pi_over_two(case):
    residual = moved(case, rescaled(case, math.sqrt(math.pi / 2)), 200)
    case.check(PIAN(paper_factor=True), -((residual**4).sum((1, 2, 3)) ** 0.25), residual)


def test_the_switch_is_off():
    assert PIAN().parameters == {"t": 200, "p": 4.0, "paper_factor": False}


def test_its_pair_is_what_it_compares(case):
    found = case.find(PIAN())
    assert torch.equal((found.pair[0] - found.pair[1]).abs(), found.residual)


def test_it_finds_memorised_images(planted):
    assert planted.auc(PIAN()) > 0.9


def test_it_finds_nothing_where_nothing_is(unrelated, chance):
    assert abs(unrelated.auc(PIAN()) - 0.5) < chance


def test_it_asks_twice(cost):
    assert cost(PIAN()) == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"t": -1}, "`t` of PIAN must be at least 0, but got -1"),
        ({"t": []}, "`t` of PIAN must be at least 0"),
        ({"p": 0}, "`p` of PIAN must be at least 1, but got 0"),
    ],
)
def test_arguments_out_of_range_are_refused(arguments, message):
    with pytest.raises(HeadError, match=message):
        PIAN(**arguments)
