"""PFAMI: its formula, its switch, a planted signal, and none."""

import pytest
import torch
from torchvision.transforms.v2 import functional as transforms

from lit_mia.attacks.statistics import PFAMI
from lit_mia.errors import HeadError


def neighbours(images, crops):
    """Centre crops that keep 95 to 70 % of the side, resized back by torchvision."""
    size = images.shape[-1]
    kept = [round(size * (0.95 - 0.25 * number / (crops - 1))) for number in range(crops)]
    corners = [(size - side) // 2 for side in kept]
    boxes = zip(corners, kept, strict=True)
    return [transforms.resized_crop(images.float(), at, at, side, side, [size, size]).round() for at, side in boxes]


def fluctuation(case, timesteps, crops, noise_of):
    """Mean loss of the neighbours minus that of the images, and the mean error of the images."""
    images = [case.subject.images, *neighbours(case.subject.images, crops)]
    losses, errors = [], []
    for which, image in enumerate(images):
        x0 = case.encode(image.to(case.x0) / 127.5 - 1)
        noise = [noise_of(which * len(timesteps) + place) for place in range(len(timesteps))]
        errors.append([e - case.eps(case.noised(x0, e, t), t) for e, t in zip(noise, timesteps, strict=True)])
        losses.append(torch.stack([error.square().mean((1, 2, 3)) for error in errors[-1]]).mean(0))
    return torch.stack(losses[1:]).mean(0) - losses[0], torch.stack(errors[0]).abs().mean(0)


@pytest.mark.parametrize(("timesteps", "crops"), [(None, 10), ([7, 300], 3)])
def test_it_is_how_far_the_loss_rises_for_crops(case, timesteps, crops):
    expected = fluctuation(case, timesteps or range(0, 500, 50), crops, lambda _: case.subject.noise(0))
    case.check(PFAMI(timesteps, crops), *expected, terms=1.0)


def test_crops_are_made_before_the_autoencoder(latent_case):
    expected = fluctuation(latent_case, [100, 200], 2, lambda _: latent_case.subject.noise(0))
    latent_case.check(PFAMI([100, 200], 2), *expected, terms=1.0)


def test_unpaired_noise_is_new_for_every_term(case):
    expected = fluctuation(case, [100, 200], 2, case.subject.noise)
    case.check(PFAMI([100, 200], 2, unpaired_noise=True), *expected, terms=1.0)


def test_the_switch_is_off():
    assert PFAMI().parameters["unpaired_noise"] is False


def test_it_finds_memorised_images(planted):
    assert planted.auc(PFAMI()) > 0.9


def test_it_finds_nothing_where_nothing_is(unrelated, chance):
    assert abs(unrelated.auc(PFAMI()) - 0.5) < chance


@pytest.mark.parametrize(("timesteps", "crops", "evaluations"), [(None, 10, 110), ([10, 20, 30], 2, 9)])
def test_it_asks_for_every_image_at_every_timestep(cost, timesteps, crops, evaluations):
    assert cost(PFAMI(timesteps, crops)) == evaluations


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"timesteps": []}, "`timesteps` of PFAMI must be at least 0"),
        ({"timesteps": [10, -1]}, r"`timesteps` of PFAMI must be at least 0, but got \[10, -1\]"),
        ({"crops": 0}, "`crops` of PFAMI must be at least 1, but got 0"),
    ],
)
def test_arguments_out_of_range_are_refused(arguments, message):
    with pytest.raises(HeadError, match=message):
        PFAMI(**arguments)
