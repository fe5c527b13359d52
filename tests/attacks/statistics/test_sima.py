"""SimA: its formula, its switches, a planted signal, and none."""

import pytest
import torch

from lit_mia.attacks.statistics import SimA
from lit_mia.errors import HeadError


@pytest.mark.parametrize(("t", "p"), [(0, 4.0), (35, 1.0), (100, 4.0), (300, 2.5)])
def test_it_is_the_norm_of_the_noise_in_the_scaled_image(case, t, p):
    residual = case.eps(case.alphas_bar[t] ** 0.5 * case.x0, t).abs()
    case.check(SimA(t, p), -((residual**p).sum((1, 2, 3)) ** (1 / p)), residual)


def test_it_works_on_latents(latent_case):
    residual = latent_case.eps(latent_case.alphas_bar[100] ** 0.5 * latent_case.x0, 100).abs()
    latent_case.check(SimA(), -((residual**4).sum((1, 2, 3)) ** 0.25), residual)


def test_raw_x0_leaves_the_image_as_it_is(case):
    residual = case.eps(case.x0, 100).abs()
    case.check(SimA(raw_x0=True), -((residual**4).sum((1, 2, 3)) ** 0.25), residual)


def test_no_root_gives_the_power_of_the_norm(case):
    norm = -case.score(SimA(p=3.0))
    torch.testing.assert_close(case.score(SimA(p=3.0, no_root=True)), -(norm**3), rtol=10 * case.rtol, atol=0)


def test_the_switches_are_off():
    assert SimA().parameters == {"t": 100, "p": 4.0, "raw_x0": False, "no_root": False}


@pytest.mark.parametrize("raw_x0", [False, True])
def test_its_pair_is_the_image_and_the_clean_image(case, raw_x0):
    x = case.x0 if raw_x0 else case.alphas_bar[100] ** 0.5 * case.x0
    first, second = case.find(SimA(raw_x0=raw_x0)).pair
    torch.testing.assert_close(first, case.x0)
    torch.testing.assert_close(second, case.clean(x, case.eps(x, 100), 100), rtol=case.rtol, atol=case.rtol)


def test_it_finds_memorised_images(planted):
    assert planted.auc(SimA()) > 0.9


def test_it_finds_nothing_where_nothing_is(unrelated, chance):
    assert abs(unrelated.auc(SimA()) - 0.5) < chance


def test_it_asks_once(cost):
    assert cost(SimA()) == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"t": [10, -1]}, r"`t` of SimA must be at least 0, but got \[10, -1\]"),
        ({"t": []}, "`t` of SimA must be at least 0"),
        ({"p": 0}, "`p` of SimA must be at least 1, but got 0"),
    ],
)
def test_arguments_out_of_range_are_refused(arguments, message):
    with pytest.raises(HeadError, match=message):
        SimA(**arguments)
