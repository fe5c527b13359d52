"""SimA-MC: its formula, its switch, a planted signal, and none."""

import pytest
import torch

from lit_mia.attacks.statistics import SimAMC
from lit_mia.errors import HeadError


def predictions(case, t, draws):
    return torch.stack([case.eps(case.noised(case.x0, case.subject.noise(i), t), t) for i in range(draws)])


@pytest.mark.parametrize(("t", "p", "draws"), [(0, 4.0, 2), (35, 1.0, 3), (100, 4.0, 10), (300, 2.5, 1)])
def test_it_is_the_norm_of_the_mean_prediction(case, t, p, draws):
    residual = predictions(case, t, draws).mean(0).abs()
    case.check(SimAMC(t, p, draws), -((residual**p).sum((1, 2, 3)) ** (1 / p)), residual)


def test_mean_of_norms_takes_the_norm_of_each_prediction(case):
    eps = predictions(case, 100, 4)
    norms = (eps.abs() ** 4).sum((2, 3, 4)) ** 0.25
    case.check(SimAMC(draws=4, mean_of_norms=True), -norms.mean(0), eps.mean(0).abs())


def test_the_switch_is_off():
    assert SimAMC().parameters == {"t": 100, "p": 4.0, "draws": 10, "mean_of_norms": False}


def test_it_finds_memorised_images(planted):
    assert planted.auc(SimAMC()) > 0.9


def test_it_finds_nothing_where_nothing_is(unrelated, chance):
    assert abs(unrelated.auc(SimAMC()) - 0.5) < chance


@pytest.mark.parametrize("draws", [1, 10])
def test_it_asks_once_per_draw(cost, draws):
    assert cost(SimAMC(draws=draws)) == draws


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"t": -1}, "`t` of SimA-MC must be at least 0, but got -1"),
        ({"t": []}, "`t` of SimA-MC must be at least 0"),
        ({"draws": 0}, "`draws` of SimA-MC must be at least 1, but got 0"),
        ({"p": 0}, "`p` of SimA-MC must be at least 1, but got 0"),
    ],
)
def test_arguments_out_of_range_are_refused(arguments, message):
    with pytest.raises(HeadError, match=message):
        SimAMC(**arguments)
