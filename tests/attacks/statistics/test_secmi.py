"""SecMI: its formula, its switches, a planted signal, and none."""

from itertools import pairwise

import pytest
import torch

from lit_mia.attacks.statistics import SecMI
from lit_mia.errors import HeadError


def error_at(case, x, t, up_to):
    """|ψ(φ(x)) − x| for one step from t up and back."""
    return (case.ddim(case.ddim(x, t, up_to), up_to, t) - x).abs()


def inverted(case, path):
    x = case.x0
    for t, to in pairwise(path):
        x = case.ddim(x, t, to)
    return x


@pytest.mark.parametrize(
    ("t", "k", "path"),
    [(100, 10, range(0, 101, 10)), (95, 10, [*range(0, 91, 10), 95]), (50, 50, [0, 50]), (70, 40, [0, 40, 70])],
)
def test_it_is_the_error_of_one_step_up_and_down_after_the_inversion(case, t, k, path):
    residual = error_at(case, inverted(case, [*path]), t, t + k)
    case.check(SecMI(t, k), -residual.square().sum((1, 2, 3)), residual)


def test_it_works_on_latents(latent_case):
    residual = error_at(latent_case, inverted(latent_case, range(0, 101, 10)), 100, 110)
    latent_case.check(SecMI(), -residual.square().sum((1, 2, 3)), residual)


def test_one_big_step_goes_from_the_image_to_t_and_back(case):
    residual = error_at(case, case.x0, 0, 100)
    case.check(SecMI(one_big_step=True), -residual.square().sum((1, 2, 3)), residual)


def test_off_by_one_stops_the_inversion_one_step_early(case):
    early = case.score(SecMI(100, off_by_one=True))
    assert torch.equal(early, case.score(SecMI(90)))
    assert not torch.allclose(early, case.score(SecMI(100)))


def test_the_switches_are_off():
    assert SecMI().parameters == {"t": 100, "k": 10, "off_by_one": False, "one_big_step": False}


def test_its_pair_is_what_it_compares(case):
    found = case.find(SecMI())
    x, back = found.pair
    assert torch.equal((back - x).abs(), found.residual)


def test_it_finds_memorised_images(planted):
    assert planted.auc(SecMI()) > 0.9


def test_it_finds_nothing_where_nothing_is(unrelated, chance):
    assert abs(unrelated.auc(SecMI()) - 0.5) < chance


@pytest.mark.parametrize(
    ("arguments", "evaluations"),
    [
        ({}, 12),
        ({"t": 95}, 12),
        ({"t": 91}, 12),
        ({"t": 100, "k": 100}, 3),
        ({"off_by_one": True}, 11),
        ({"one_big_step": True}, 2),
    ],
)
def test_it_asks_for_the_inversion_and_two_steps(cost, arguments, evaluations):
    assert cost(SecMI(**arguments)) == evaluations


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"t": 0}, "`t` of SecMI must be at least 1, but got 0"),
        ({"t": []}, "`t` of SecMI must be at least 1"),
        ({"k": 0}, "`k` of SecMI must be at least 1, but got 0"),
        ({"t": [100, 5]}, r"`k` of SecMI must not be above `t`, but got k = 10 and t = \[100, 5\]"),
    ],
)
def test_arguments_out_of_range_are_refused(arguments, message):
    with pytest.raises(HeadError, match=message):
        SecMI(**arguments)
