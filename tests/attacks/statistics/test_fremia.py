"""FreMIA: its filter, its formula around other attacks, a planted signal, and none."""

import numpy as np
import pytest
import torch

from lit_mia.attacks.statistics import (
    PFAMI,
    PIA,
    PIAN,
    CLiD,
    FreMIA,
    Loss,
    ReDiffuse,
    ReDiffuseAPI,
    SecMI,
    SimA,
    SimAMC,
)
from lit_mia.errors import HeadError

WRAPPED = [Loss(), SecMI(), PIA(), PIAN(), SimA(), ReDiffuse(n=2)]


def filtered(image, r, s):
    """The frequencies −r … r − 1 of both axes whole, the others times s."""
    numbers = np.rint(np.fft.fftfreq(image.shape[-1]) * image.shape[-1])
    low = (numbers >= -r) & (numbers < r)
    spectrum = np.fft.fft2(image.double().numpy()) * np.where(low[:, None] & low[None, :], 1, s)
    return torch.from_numpy(np.fft.ifft2(spectrum).real).to(image)


def reconstruction(case, attack):
    """What two attacks compare with x_0, from their definitions."""
    x = case.noised(case.x0, case.subject.noise(0), attack.t)
    if isinstance(attack, Loss):
        return case.clean(x, case.eps(x, attack.t), attack.t)
    return case.ddim(case.ddim(x, 200, 100), 100, 0)


@pytest.mark.parametrize(("r", "s", "p"), [(5, 0.2, 2.0), (2, 0.0, 4.0), (1, 0.5, 1.0)])
@pytest.mark.parametrize("attack", [Loss(), ReDiffuse(n=1)], ids=lambda attack: attack.name)
def test_it_is_the_distance_of_two_filtered_images(case, attack, r, s, p):
    residual = (filtered(case.x0, r, s) - filtered(reconstruction(case, attack), r, s)).abs()
    case.check(FreMIA(attack, r, s, p), -((residual**p).sum((1, 2, 3)) ** (1 / p)), residual)


@pytest.mark.parametrize("attack", WRAPPED, ids=lambda attack: attack.name)
def test_it_filters_the_pair_of_any_attack_that_has_one(case, attack):
    first, second = case.find(attack).pair
    residual = (filtered(first, 5, 0.2) - filtered(second, 5, 0.2)).abs()
    case.check(FreMIA(attack), -residual.square().sum((1, 2, 3)).sqrt(), residual)


@pytest.mark.parametrize(("r", "s"), [(8, 0.0), (50, 0.0), (1, 1.0)])
def test_without_a_filter_it_is_the_plain_distance(case, r, s):
    torch.testing.assert_close(
        case.score(FreMIA(ReDiffuse(n=2), r, s)), case.score(ReDiffuse(n=2)), rtol=10 * case.rtol, atol=0
    )


def test_it_passes_on_what_the_wrapped_attack_is():
    attack = FreMIA(SecMI(t=[50, 100]), r=3)
    assert attack.settings() == [{"t": 50}, {"t": 100}]
    assert attack.parameters == {**SecMI(t=[50, 100]).parameters, "r": 3, "s": 0.2, "norm": 2.0}
    assert FreMIA(ReDiffuseAPI()).level == ReDiffuseAPI.level


def test_it_finds_memorised_images(planted):
    assert planted.auc(FreMIA(Loss(), r=2)) > 0.9


def test_it_finds_nothing_where_nothing_is(unrelated, chance):
    assert abs(unrelated.auc(FreMIA(Loss(), r=2)) - 0.5) < chance


@pytest.mark.parametrize("attack", WRAPPED, ids=lambda attack: attack.name)
def test_it_asks_what_the_wrapped_attack_asks(cost, attack):
    assert cost(FreMIA(attack)) == cost(attack)


@pytest.mark.parametrize("attack", [PFAMI(), CLiD(), SimAMC()], ids=lambda attack: attack.name)
def test_an_attack_that_compares_no_images_is_refused(attack):
    with pytest.raises(HeadError, match=f"FreMIA filters the two images .* but {attack.name} compares none"):
        FreMIA(attack)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"r": 0}, "`r` of FreMIA must be at least 1, but got 0"),
        ({"s": -0.5}, "`s` of FreMIA must be at least 0, but got -0.5"),
        ({"p": 0.5}, "`p` of FreMIA must be at least 1, but got 0.5"),
    ],
)
def test_arguments_out_of_range_are_refused(arguments, message):
    with pytest.raises(HeadError, match=message):
        FreMIA(Loss(), **arguments)
