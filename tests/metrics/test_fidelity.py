"""FID against its formula by way of scipy, KID against sums over pairs, and what both say of planted sets."""

import numpy as np
import pytest
import torch
from scipy.linalg import sqrtm

from lit_mia.errors import MetricError
from lit_mia.metrics.fidelity import frechet_distance, is_rank_deficient, kernel_distance


def normal(n, d, seed, shift=0.0, scale=1.0):
    return shift + scale * np.random.default_rng(seed).normal(size=(n, d))


def formula(a, b):
    first, second = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    root = sqrtm(first @ second).real
    return np.sum((a.mean(0) - b.mean(0)) ** 2) + np.trace(first + second - 2 * root)


@pytest.mark.parametrize(("d", "shift", "scale"), [(2, 0.0, 1.0), (12, 0.5, 1.3), (40, 1000.0, 0.01)])
def test_fid_is_its_formula(d, shift, scale):
    mix = np.random.default_rng(9).normal(size=(d, d))
    a, b = normal(200, d, 0, shift) @ mix, scale * normal(150, d, 1, shift) @ mix
    assert frechet_distance(a, b) == pytest.approx(formula(a, b), rel=1e-8)


def test_fid_of_a_set_and_itself_is_zero_and_a_shift_adds_its_square():
    a = normal(300, 8, 0).astype(np.float32)
    assert frechet_distance(a, a) == pytest.approx(0, abs=1e-6)
    assert frechet_distance(a, a + np.float32(2)) == pytest.approx(8 * 4, rel=1e-5)


def test_kid_is_the_mean_over_pairs():
    a, b = normal(6, 3, 0), normal(6, 3, 1, shift=0.4)

    def kernel(x, y):
        return (x @ y / 3 + 1) ** 3

    def within(x, rows):
        return np.mean([kernel(x[i], x[j]) for i in rows for j in rows if i != j])

    # subsets of 3: the mean over all pairs of subsets is what the mean over drawn ones comes close to
    every = range(6)
    expected = within(a, every) + within(b, every) - 2 * np.mean([kernel(x, y) for x in a for y in b])
    mean, deviation = kernel_distance(a, b, subsets=2000)
    assert mean == pytest.approx(expected, abs=4 * deviation / np.sqrt(2000))


def test_kid_covers_zero_for_one_distribution_and_not_for_two():
    rng = np.random.default_rng(5)
    null = [kernel_distance(rng.normal(size=(80, 16)), rng.normal(size=(80, 16)), subsets=30) for _ in range(20)]
    assert sum(abs(mean) < 1.96 * deviation for mean, deviation in null) >= 18
    assert abs(np.mean([mean for mean, _ in null])) < np.std([mean for mean, _ in null])
    mean, deviation = kernel_distance(normal(80, 16, 0), normal(80, 16, 1, shift=1.0))
    assert mean > 5 * deviation > 0


def test_both_grow_with_the_shift():
    a = normal(400, 8, 0)
    shifted = [normal(400, 8, 1, shift) for shift in (0.0, 0.5, 1.0)]
    assert sorted(fids := [frechet_distance(a, b) for b in shifted]) == fids
    assert sorted(kids := [kernel_distance(a, b)[0] for b in shifted]) == kids


def test_fid_falls_with_n_and_kid_does_not():
    small, large = ([normal(n, 16, seed) for seed in (0, 1)] for n in (40, 2000))
    assert frechet_distance(*small) > 5 * frechet_distance(*large)
    mean, deviation = kernel_distance(*small)
    assert abs(mean) < 3 * deviation


def test_kid_depends_on_its_seed_alone():
    a, b = normal(50, 4, 0), normal(60, 4, 1)
    torch.manual_seed(1)
    first = kernel_distance(a, b)
    state = torch.get_rng_state()
    assert kernel_distance(a, b) == first
    assert torch.equal(torch.get_rng_state(), state)
    assert kernel_distance(a, b, seed=1) != first


def test_too_few_images_for_a_covariance():
    assert is_rank_deficient(16, 16)
    assert not is_rank_deficient(17, 16)
    assert np.isfinite(frechet_distance(normal(8, 16, 0), normal(8, 16, 1)))


@pytest.mark.parametrize(
    ("a", "b", "message"),
    [
        (np.zeros((3, 2)), np.zeros((9, 2)), r"at least 4, but are \(3, 2\)"),
        (np.zeros((9, 2)), np.zeros((9, 3)), r"\(9, 2\) and \(9, 3\)"),
        (np.zeros(9), np.zeros(9), r"\(9,\)"),
        (np.full((9, 2), np.nan), np.zeros((9, 2)), "finite"),
    ],
)
def test_what_cannot_be_compared_is_refused(a, b, message):
    for distance in (frechet_distance, kernel_distance):
        with pytest.raises(MetricError, match=message):
            distance(a, b)
