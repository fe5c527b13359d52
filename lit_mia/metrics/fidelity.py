"""Distances between two sets of images by the embeddings of one encoder: FID and KID of torchmetrics, and tests.

Both were defined on the 2048 features of an Inception-v3 (FID: Heusel et al., arXiv 1706.08500; KID: Binkowski et al.,
arXiv 1801.01401). On embeddings of another encoder they are other numbers.

The permutation tests on the kernel of KID give p values where FID and KID give only a distance. Their statistics are
those of Gretton et al. (JMLR 13, 2012) over all pairs of images, which is unbiased, rather than the mean over subsets
that KID reports. Labels are permuted among groups where no group holds both (see `permuted_labels`).
"""

import warnings
from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor, nn

from lit_mia.errors import MetricError
from lit_mia.metrics.resampling import permuted_labels
from lit_mia.metrics.roc import BoolArray, FloatArray

MIN_IMAGES = 4
"""Fewest images in a set: KID needs subsets of two that differ."""


def frechet_distance(a: ArrayLike, b: ArrayLike) -> float:
    """Fréchet distance of the normal distributions fitted to two sets: |μa − μb|² + tr(Σa + Σb − 2 (Σa Σb)^½).

    It is biased: it falls as the sets grow, so only sets of equal size can be compared. With n ≤ d images the
    covariances are not of full rank, and the bias is most of the value (see `is_rank_deficient`).

    Args:
        a: Embeddings `[n, d]`.
        b: Embeddings `[m, d]`.

    Returns:
        The distance in float64; 0 up to rounding for equal sets.

    Raises:
        MetricError: If the sets are too small, differ in dimension, or hold numbers that are not finite.
    """
    from torchmetrics.image.fid import FrechetInceptionDistance

    first, second = _checked(a, b)
    centre = first.mean(dim=0)  # a common shift changes nothing, and keeps digits in the sums of squares
    metric = FrechetInceptionDistance(feature=_AsGiven(first.shape[1]))
    metric.update(first - centre, real=True)
    metric.update(second - centre, real=False)
    return float(metric.compute())


def kernel_distance(
    a: ArrayLike, b: ArrayLike, subset_size: int = 1000, subsets: int = 100, seed: int = 0
) -> tuple[float, float]:
    """Squared maximum mean discrepancy of two sets under the kernel (x·y / d + 1)³, unbiased at any size.

    Args:
        a: Embeddings `[n, d]`.
        b: Embeddings `[m, d]`.
        subset_size: Images of each set in a subset; at most half of the smaller set is taken, so that subsets differ.
        subsets: Number of subsets.
        seed: Seed of the subsets.

    Returns:
        Mean and standard deviation over the subsets, which overlap: the deviation is no standard error of the mean.

    Raises:
        MetricError: If the sets are too small, differ in dimension, or hold numbers that are not finite.
    """
    from torchmetrics.image.kid import KernelInceptionDistance

    first, second = _checked(a, b)
    size = min(subset_size, len(first) // 2, len(second) // 2)
    with warnings.catch_warnings(), torch.random.fork_rng(devices=[]):
        warnings.filterwarnings("ignore", ".*will save all extracted features.*")
        torch.manual_seed(seed)
        metric = KernelInceptionDistance(feature=_AsGiven(first.shape[1]), subset_size=size, subsets=subsets)
        metric.update(first, real=True)
        metric.update(second, real=False)
        mean, deviation = metric.compute()
    return float(mean), float(deviation)


def is_rank_deficient(n: int, dimension: int) -> bool:
    """Whether `n` images are too few for a covariance of full rank in `dimension` dimensions."""
    return n <= dimension


def sides_p(embeddings: ArrayLike, labels: ArrayLike, groups: ArrayLike, n_permutations: int = 500) -> float:
    """One-sided p of members and non-members being of one distribution, against any difference.

    Args:
        embeddings: `[n, d]`.
        labels: 1 = member, 0 = non-member, `[n]`.
        groups: Name of each record's group, `[n]`.
        n_permutations: Number of permutations; the smallest p is one in as many plus one.
    """
    kernel = _kernel(embeddings, embeddings)

    def discrepancy(members: FloatArray) -> FloatArray:
        n1, n0 = members.sum(axis=1), (1 - members).sum(axis=1)
        within = _mean_within(kernel, members) + _mean_within(kernel, 1 - members)
        across: FloatArray = _sums(kernel, members, 1 - members) / (n1 * n0)
        return within - 2 * across

    return _p(discrepancy, labels, groups, n_permutations)


def generated_p(
    real: ArrayLike, generated: ArrayLike, labels: ArrayLike, groups: ArrayLike, n_permutations: int = 500
) -> float:
    """Two-sided p of members being as far from the images generated for them as non-members are.

    Args:
        real: Embeddings of the records, `[n, d]`.
        generated: Embeddings of the image that was generated for each, `[n, d]`.
        labels: 1 = member, 0 = non-member, `[n]`.
        groups: Name of each record's group, `[n]`.
        n_permutations: Number of permutations; the smallest p is one in as many plus one.
    """
    across = _kernel(real, generated)
    kernel = _kernel(real, real) + _kernel(generated, generated) - across - across.T

    def difference(members: FloatArray) -> FloatArray:
        return np.abs(_mean_within(kernel, members) - _mean_within(kernel, 1 - members))

    return _p(difference, labels, groups, n_permutations)


class _AsGiven(nn.Module):
    """A feature extractor whose images are embeddings already."""

    def __init__(self, num_features: int) -> None:
        super().__init__()
        self.num_features = num_features

    def forward(self, embeddings: Tensor) -> Tensor:
        return embeddings


def _checked(a: ArrayLike, b: ArrayLike) -> tuple[Tensor, Tensor]:
    first, second = np.array(a, dtype=np.float64), np.array(b, dtype=np.float64)
    fits = first.ndim == second.ndim == 2 and first.shape[1] == second.shape[1] > 0
    if not fits or min(len(first), len(second)) < MIN_IMAGES:
        raise MetricError(
            f"Two sets must be [n, d] and [m, d] with n and m at least {MIN_IMAGES}, but are {first.shape} and "
            f"{second.shape}."
        )
    if not (np.isfinite(first).all() and np.isfinite(second).all()):
        raise MetricError("Embeddings must be finite, but some are infinite or not a number. Look at the encoder.")
    return torch.from_numpy(first), torch.from_numpy(second)


def _p(statistic: Callable[[FloatArray], FloatArray], labels: ArrayLike, groups: ArrayLike, n: int) -> float:
    """The share of permuted statistics, the observed one among them, that reach the observed one."""
    observed: BoolArray = np.asarray(labels) == 1
    permuted = permuted_labels(observed, groups, n, np.random.default_rng(0))
    values = statistic(np.vstack([observed, permuted]).astype(np.float64))
    return float(np.mean(values >= values[0] - 1e-12 * abs(values[0])))


def _mean_within(kernel: FloatArray, chosen: FloatArray) -> FloatArray:
    """Mean of the kernel over all pairs of two different chosen records: `[n, n]`, `[p, n]` to `[p]`."""
    n = chosen.sum(axis=1)
    mean: FloatArray = _sums(kernel, chosen, chosen) / (n * (n - 1))
    return mean


def _sums(kernel: FloatArray, left: FloatArray, right: FloatArray) -> FloatArray:
    sums: FloatArray = ((left @ kernel) * right).sum(axis=1)
    return sums


def _kernel(a: ArrayLike, b: ArrayLike) -> FloatArray:
    """KID's kernel between all records `[n, n]`; a record and itself, or its own generated image, is left out."""
    from torchmetrics.image.kid import poly_kernel

    first, second = (torch.from_numpy(np.array(values, dtype=np.float64)) for values in (a, b))
    return np.asarray(poly_kernel(first, second).fill_diagonal_(0.0).numpy(), dtype=np.float64)
