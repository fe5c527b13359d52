"""Permutation tests on the kernel of KID, which give p values where FID and KID give only a distance.

The statistics are those of Gretton et al. (JMLR 13, 2012) over all pairs of images, which is unbiased, rather than the
mean over subsets that KID reports. Labels are permuted among groups where no group holds both (see `permuted_labels`).
"""

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import ArrayLike

from lit_mia.metrics.resampling import permuted_labels
from lit_mia.metrics.roc import BoolArray, FloatArray


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
