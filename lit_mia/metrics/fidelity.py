"""Distances between two sets of images by the embeddings of one encoder: FID and KID of torchmetrics.

Both were defined on the 2048 features of an Inception-v3 (FID: Heusel et al., arXiv 1706.08500; KID: Binkowski et al.,
arXiv 1801.01401). On embeddings of another encoder they are other numbers.
"""

import warnings
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor, nn

from lit_mia.errors import MetricError

MIN_IMAGES = 4
"""Fewest images in a set: KID needs subsets of two that differ."""
_ALONE: dict[str, Any] = {"sync_on_compute": False}
"""Every process holds all images: those of several that train together would be counted as often."""


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
    metric = FrechetInceptionDistance(feature=_AsGiven(first.shape[1]), **_ALONE)
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
        extractor = _AsGiven(first.shape[1])
        metric = KernelInceptionDistance(feature=extractor, subset_size=size, subsets=subsets, **_ALONE)
        metric.update(first, real=True)
        metric.update(second, real=False)
        mean, deviation = metric.compute()
    return float(mean), float(deviation)


def is_rank_deficient(n: int, dimension: int) -> bool:
    """Whether `n` images are too few for a covariance of full rank in `dimension` dimensions."""
    return n <= dimension


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
