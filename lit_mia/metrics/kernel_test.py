"""Permutation tests on the kernel of KID, which give p values where FID and KID give only a distance.

The statistics are those of Gretton et al. (JMLR 13, 2012) over all pairs of images, which is unbiased, rather than the
mean over subsets that KID reports. The unit is what a group has on one side: labels are permuted among units, and pairs
within a unit are left out. A group on both sides is two units; as its records resemble each other, that makes p too
large rather than too small.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import ArrayLike

from lit_mia.metrics.resampling import group_numbers
from lit_mia.metrics.roc import FloatArray

LEAST_UNITS = 4
"""Fewest units a side from which a test is made, as of images from which a distance is taken."""


def sides_p(embeddings: ArrayLike, labels: ArrayLike, groups: ArrayLike, n_permutations: int = 500) -> float | None:
    """One-sided p of members and non-members being of one distribution, against any difference.

    Args:
        embeddings: `[n, d]`.
        labels: 1 = member, 0 = non-member, `[n]`.
        groups: Name of each record's group, `[n]`.
        n_permutations: Number of permutations; the smallest p is one in as many plus one.

    Returns:
        p, or None with fewer than `LEAST_UNITS` groups on a side.
    """
    units = _units(_kernel(embeddings, embeddings), labels, groups)

    def discrepancy(members: FloatArray) -> FloatArray:
        sides = members, 1 - members
        sizes = [side @ units.sizes for side in sides]
        across: FloatArray = _sums(units.kernel, *sides) / (sizes[0] * sizes[1])
        return sum(_mean_within(units, side) for side in sides) - 2 * across

    return _p(discrepancy, units, n_permutations)


def generated_p(
    real: ArrayLike, generated: ArrayLike, labels: ArrayLike, groups: ArrayLike, n_permutations: int = 500
) -> float | None:
    """Two-sided p of members being as far from the images generated for them as non-members are.

    The difference of the two distances is divided by its standard error before labels are permuted. So the level is
    kept also where the distances are equal but the sides differ otherwise, such as in how widely they spread (Chung and
    Romano 2013, Annals of Statistics 41, 484-507); with the plain difference it is not.

    Args:
        real: Embeddings of the records, `[n, d]`.
        generated: Embeddings of the image that was generated for each, `[n, d]`.
        labels: 1 = member, 0 = non-member, `[n]`.
        groups: Name of each record's group, `[n]`.
        n_permutations: Number of permutations; the smallest p is one in as many plus one.

    Returns:
        p, or None with fewer than `LEAST_UNITS` groups on a side.
    """
    across = _kernel(real, generated)
    units = _units(_kernel(real, real) + _kernel(generated, generated) - across - across.T, labels, groups)

    def difference(members: FloatArray) -> FloatArray:
        sides = members, 1 - members
        apart = _mean_within(units, sides[0]) - _mean_within(units, sides[1])
        se = np.sqrt(sum(_variance(units, side) for side in sides))
        return np.abs(np.divide(apart, se, out=np.zeros_like(apart), where=se > 0))

    return _p(difference, units, n_permutations)


class _Units(NamedTuple):
    """What is permuted.

    Attributes:
        kernel: Sums of the kernel over the pairs of two units, 0 within a unit, `[u, u]`.
        sizes: Records of each, `[u]`.
        members: 1 = members, 0 = non-members, `[u]`.
    """

    kernel: FloatArray
    sizes: FloatArray
    members: FloatArray


def _units(kernel: FloatArray, labels: ArrayLike, groups: ArrayLike) -> _Units:
    is_member = np.asarray(labels) == 1
    group_of = group_numbers(groups, is_member.size)
    sides, unit_of = np.unique(2 * group_of + is_member, return_inverse=True)
    within = unit_of == np.arange(len(sides))[:, None]
    summed = within @ kernel @ within.T
    np.fill_diagonal(summed, 0.0)
    return _Units(summed, within.sum(axis=1).astype(np.float64), (sides % 2).astype(np.float64))


def _p(statistic: Callable[[FloatArray], FloatArray], units: _Units, n: int) -> float | None:
    """The share of permuted statistics, the observed one among them, that reach the observed one."""
    if min(units.members.sum(), (1 - units.members).sum()) < LEAST_UNITS:
        return None
    permuted = np.random.default_rng(0).permuted(np.tile(units.members, (n, 1)), axis=1)
    values = statistic(np.vstack([units.members, permuted]))
    return float(np.mean(values >= values[0] - 1e-12 * abs(values[0])))


def _mean_within(units: _Units, chosen: FloatArray) -> FloatArray:
    """Mean of the kernel over all pairs of records of two different chosen units: `[p, u]` to `[p]`."""
    mean: FloatArray = _sums(units.kernel, chosen, chosen) / _pairs(units, chosen)
    return mean


def _variance(units: _Units, chosen: FloatArray) -> FloatArray:
    """Variance of `_mean_within`, `[p, u]` to `[p]`.

    A mean over pairs varies by what single units contribute and by what is left of the pairs. The sum of squares over
    units holds the second twice; it is all there is where the distance is 0.
    """
    mean, pairs, n = _mean_within(units, chosen), _pairs(units, chosen), chosen.sum(axis=1)
    partners = (chosen @ units.sizes)[:, None] - units.sizes
    contributed = chosen * (chosen @ units.kernel - mean[:, None] * units.sizes * partners)
    single: FloatArray = 4 * np.sum(contributed**2, axis=1) / pairs**2 * n / (n - 1)
    sized = chosen * units.sizes
    squares = np.sum(sized * units.sizes, axis=1) ** 2 - np.sum(sized * units.sizes**3, axis=1)
    left = _sums(units.kernel**2, chosen, chosen) - 2 * mean * _sums(units.kernel, sized, sized) + mean**2 * squares
    of_pairs = 2 * left / pairs**2
    variance: FloatArray = np.maximum(single - of_pairs, of_pairs)
    return variance


def _pairs(units: _Units, chosen: FloatArray) -> FloatArray:
    """Ordered pairs of records of two different chosen units, `[p]`."""
    pairs: FloatArray = (chosen @ units.sizes) ** 2 - chosen @ units.sizes**2
    return pairs


def _sums(kernel: FloatArray, left: FloatArray, right: FloatArray) -> FloatArray:
    sums: FloatArray = ((left @ kernel) * right).sum(axis=1)
    return sums


def _kernel(a: ArrayLike, b: ArrayLike) -> FloatArray:
    """KID's kernel between all records `[n, n]`; a record and itself, or its own generated image, is left out."""
    from torchmetrics.image.kid import poly_kernel

    first, second = (torch.from_numpy(np.array(values, dtype=np.float64)) for values in (a, b))
    return np.asarray(poly_kernel(first, second).fill_diagonal_(0.0).numpy(), dtype=np.float64)
