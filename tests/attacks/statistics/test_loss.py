"""The loss attack: its formula, a planted signal, and none."""

import pytest
import torch

from lit_mia.attacks.statistics import Loss
from lit_mia.errors import HeadError


@pytest.mark.parametrize(("t", "draws"), [(0, 1), (35, 3), (350, 1), (999, 2)])
def test_it_is_the_squared_error_of_the_noise(case, t, draws):
    noise = [case.subject.noise(draw) for draw in range(draws)]
    errors = [e - case.eps(case.noised(case.x0, e, t), t) for e in noise]
    statistic = -sum(error.square().sum((1, 2, 3)) for error in errors) / draws
    case.check(Loss(t, draws), statistic, sum(error.abs() for error in errors) / draws)


def test_its_pair_is_the_image_and_the_clean_image_of_the_first_draw(case):
    x = case.noised(case.x0, case.subject.noise(0), 350)
    first, second = case.find(Loss(350, draws=2)).pair
    torch.testing.assert_close(first, case.x0)
    torch.testing.assert_close(second, case.clean(x, case.eps(x, 350), 350), rtol=case.rtol, atol=case.rtol)


def test_it_finds_memorised_images(planted):
    assert planted.auc(Loss()) > 0.9


def test_it_finds_nothing_where_nothing_is(unrelated, chance):
    assert abs(unrelated.auc(Loss()) - 0.5) < chance


@pytest.mark.parametrize("draws", [1, 5])
def test_it_asks_once_per_draw(cost, draws):
    assert cost(Loss(draws=draws)) == draws


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"t": -1}, "`t` of Loss must be at least 0, but got -1"),
        ({"t": []}, "`t` of Loss must be at least 0"),
        ({"draws": 0}, "`draws` of Loss must be at least 1, but got 0"),
        ({"t": "350"}, "`t` of Loss must be at least 0, but got '350'"),
    ],
)
def test_arguments_out_of_range_are_refused(arguments, message):
    with pytest.raises(HeadError, match=message):
        Loss(**arguments)
