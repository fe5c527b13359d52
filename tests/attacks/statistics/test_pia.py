"""PIA: its formula, its switches, a planted signal, and none."""

import pytest
import torch

from lit_mia.attacks.statistics import PIA
from lit_mia.errors import HeadError


def answers(case, t):
    """The noise that the network sees at 0, x_t with it, and the noise that it sees there."""
    first = case.eps(case.x0, 0)
    x = case.noised(case.x0, first, t)
    return first, x, case.eps(x, t)


@pytest.mark.parametrize(("t", "p"), [(0, 4.0), (35, 1.0), (200, 4.0), (500, 2.5)])
def test_it_is_the_norm_of_how_far_the_noise_moves(case, t, p):
    first, _, second = answers(case, t)
    residual = (first - second).abs()
    case.check(PIA(t, p), -((residual**p).sum((1, 2, 3)) ** (1 / p)), residual)


def test_it_works_on_latents(latent_case):
    first, _, second = answers(latent_case, 200)
    residual = (first - second).abs()
    latent_case.check(PIA(), -((residual**4).sum((1, 2, 3)) ** 0.25), residual)


def test_no_root_gives_the_power_of_the_norm(case):
    norm = -case.score(PIA(p=3.0))
    torch.testing.assert_close(case.score(PIA(p=3.0, no_root=True)), -(norm**3), rtol=10 * case.rtol, atol=0)


def test_x0_space_compares_the_image_with_the_clean_one(case):
    _, x, second = answers(case, 200)
    residual = (case.x0 - case.clean(x, second, 200)).abs()
    case.check(PIA(x0_space=True), -((residual**4).sum((1, 2, 3)) ** 0.25), residual)


def test_the_switches_are_off():
    assert PIA().parameters == {"t": 200, "p": 4.0, "no_root": False, "x0_space": False}


@pytest.mark.parametrize("x0_space", [False, True])
def test_its_pair_is_what_it_compares(case, x0_space):
    found = case.find(PIA(x0_space=x0_space))
    assert torch.equal((found.pair[0] - found.pair[1]).abs(), found.residual)


def test_it_finds_memorised_images(planted):
    assert planted.auc(PIA()) > 0.9


def test_it_finds_nothing_where_nothing_is(unrelated, chance):
    assert abs(unrelated.auc(PIA()) - 0.5) < chance


def test_it_asks_twice(cost):
    assert cost(PIA()) == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"t": -1}, "`t` of PIA must be at least 0, but got -1"),
        ({"t": []}, "`t` of PIA must be at least 0"),
        ({"p": 0.5}, "`p` of PIA must be at least 1, but got 0.5"),
    ],
)
def test_arguments_out_of_range_are_refused(arguments, message):
    with pytest.raises(HeadError, match=message):
        PIA(**arguments)
