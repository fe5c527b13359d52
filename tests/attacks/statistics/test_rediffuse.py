"""ReDiffuse: its formula, its switches, a planted signal, and none."""

from itertools import pairwise

import pytest
import torch
from scipy.ndimage import gaussian_filter

from lit_mia.attacks.statistics import ReDiffuse
from lit_mia.errors import HeadError
from lit_mia.queries.generate import record_seed


def test_ssim_compares_images_only():
    with pytest.raises(HeadError, match="set `space: pixel`"):
        ReDiffuse(distance="ssim")


def variations(case, starts, path):
    """Noise to the first timestep of the path, then DDIM along it."""
    made = []
    for number, start in enumerate(starts):
        x = case.noised(start, case.subject.noise(number), path[0])
        for t, to in pairwise(path):
            x = case.ddim(x, t, to)
        made.append(x)
    return made


def similarity(one, other):
    """Wang et al. 2004, eq. 13: Gaussian window of 11 pixels and deviation 1.5, K = (0.01, 0.03), range 2.

    Borders are mirrored. Returns the map.
    """

    def mean(image):
        return gaussian_filter(image, 1.5, truncate=3.5, mode="mirror", axes=(-2, -1))

    x, y = one.numpy(), other.numpy()
    covariance = mean(x * y) - mean(x) * mean(y)
    variances = mean(x * x) - mean(x) ** 2 + mean(y * y) - mean(y) ** 2
    c1, c2 = (0.01 * 2) ** 2, (0.03 * 2) ** 2
    shared = (2 * mean(x) * mean(y) + c1) / (mean(x) ** 2 + mean(y) ** 2 + c1)
    return torch.from_numpy(shared * (2 * covariance + c2) / (variances + c2))


def drawn(case, draw):
    """Latents drawn from the autoencoder's posterior."""
    target = case.subject.target
    return target.encode(case.subject.images, [record_seed(4, f"encode/{i}", draw) for i in case.subject.ids], True)


@pytest.mark.parametrize(
    ("t", "k", "n", "path"),
    [(200, 100, 10, [200, 100, 0]), (150, 100, 3, [150, 50, 0]), (50, 50, 1, [50, 0]), (95, 30, 2, [95, 65, 35, 5, 0])],
)
def test_it_is_the_distance_to_the_mean_variation(case, t, k, n, path):
    residual = (case.x0 - sum(variations(case, [case.x0] * n, path)) / n).abs()
    case.check(ReDiffuse(t, k, n), -residual.square().sum((1, 2, 3)).sqrt(), residual)


def test_it_works_on_latents(latent_case):
    residual = (latent_case.x0 - sum(variations(latent_case, [latent_case.x0] * 3, [150, 50, 0])) / 3).abs()
    latent_case.check(ReDiffuse(150, 100, 3), -residual.square().sum((1, 2, 3)).sqrt(), residual)


def test_pixels_compares_the_decoded_mean_with_the_image(latent_case):
    decoded = [latent_case.decode(z) for z in variations(latent_case, [latent_case.x0] * 3, [200, 100, 0])]
    residual = (latent_case.subject.images.double() / 127.5 - 1 - sum(decoded) / 3).abs()
    statistic = -residual.square().sum((1, 2, 3)).sqrt()
    latent_case.check(ReDiffuse(n=3, space="pixel"), statistic, residual)


@pytest.mark.parametrize("decoded", [False, True])
def test_ssim_is_that_of_the_literature(latent_case, decoded):
    mean = sum(latent_case.decode(z) for z in variations(latent_case, [latent_case.x0] * 2, [50, 0])) / 2
    image = latent_case.decode(latent_case.x0) if decoded else latent_case.subject.images.double() / 127.5 - 1
    attack = ReDiffuse(50, 50, 2, space="pixel", distance="ssim", ssim_vs_decoded=decoded)
    full = similarity(image, mean)
    latent_case.check(attack, full.mean((1, 2, 3)), (1 - full).clamp(min=0))


def test_two_samples_starts_from_draws_and_compares_with_the_last(latent_case):
    starts = [drawn(latent_case, draw) for draw in range(3)]
    residual = (starts[-1] - sum(variations(latent_case, starts, [200, 100, 0])) / 3).abs()
    assert not torch.allclose(starts[0], starts[1])
    latent_case.check(ReDiffuse(n=3, two_samples=True), -residual.square().sum((1, 2, 3)).sqrt(), residual)


@pytest.mark.parametrize(("t", "differs"), [(150, True), (200, False)])
def test_negative_index_wraps_where_t_is_no_multiple_of_k(case, t, differs):
    wrapped, plain = (case.score(ReDiffuse(t, 100, 2, negative_index_wrap=wrap)) for wrap in (True, False))
    assert torch.equal(wrapped, plain) is not differs


def test_negative_index_ends_at_950(case):
    residual = (case.x0 - variations(case, [case.x0], [150, 50, 950])[0]).abs()
    attack = ReDiffuse(150, 100, 1, negative_index_wrap=True)
    case.check(attack, -residual.square().sum((1, 2, 3)).sqrt(), residual)


def test_its_name_tells_what_is_compared():
    names = [ReDiffuse(**arguments).name for arguments in ({}, {"space": "pixel", "distance": "ssim"})]
    assert names == ["ReDiffuse", "ReDiffuse pixel SSIM"]


def test_the_switches_are_off():
    parameters = ReDiffuse().parameters
    assert [parameters[name] for name in ("two_samples", "ssim_vs_decoded", "negative_index_wrap")] == [False] * 3
    assert parameters["space"] == "denoiser"
    assert parameters["distance"] == "l2"


def test_all_combinations_are_settings():
    settings = ReDiffuse(t=[100, 200], k=50, n=[1, 5]).settings()
    assert settings == [{"t": t, "k": 50, "n": n} for t in (100, 200) for n in (1, 5)]


def test_it_finds_memorised_images(planted):
    assert planted.auc(ReDiffuse()) > 0.9


def test_it_finds_nothing_where_nothing_is(unrelated, chance):
    assert abs(unrelated.auc(ReDiffuse()) - 0.5) < chance


@pytest.mark.parametrize(("t", "k", "n", "evaluations"), [(200, 100, 10, 20), (150, 100, 3, 6), (91, 10, 2, 20)])
def test_it_asks_for_every_step_of_every_variation(cost, t, k, n, evaluations):
    assert cost(ReDiffuse(t, k, n)) == evaluations


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"t": -200}, "`t` of ReDiffuse must be at least 1, but got -200"),
        ({"n": 0}, "`n` of ReDiffuse must be at least 1, but got 0"),
        ({"n": []}, "`n` of ReDiffuse must be at least 1"),
        ({"k": [50, 300]}, r"`k` of ReDiffuse must not be above `t`, but got k = \[50, 300\] and t = 200"),
    ],
)
def test_arguments_out_of_range_are_refused(arguments, message):
    with pytest.raises(HeadError, match=message):
        ReDiffuse(**arguments)
