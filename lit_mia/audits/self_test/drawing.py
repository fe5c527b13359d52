"""Draws who counts as a member, as the design of an audit might have."""

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from lit_mia.metrics.resampling import MIXED, group_compositions

Floats = NDArray[np.float64]
Labels = NDArray[np.int64]


def draw_labels(
    labels: Labels, groups: Sequence[str], splits: Iterable[Sequence[int]], tilt: Floats, rng: np.random.Generator
) -> Labels:
    """Labels that the records might have had, more likely 1 where `tilt` is higher.

    In each split, as many groups are members as were. A group of one label changes it as a whole, as under a coin for
    each group; in a group of both labels the records change places. One after another is drawn, each with odds in
    proportion to the exponential of the tilt, of a group its mean (Gumbel's maxima). Where the tilt is the same for
    all, that is a permutation, with all being equally likely.

    Args:
        labels: 1 = member, 0 = non-member, `[n]`.
        groups: Group of each record.
        splits: Rows of each split; no group is in two of them. Other records keep their labels.
        tilt: Log odds of being a member, up to a constant, `[n]`.
        rng: Source of randomness.
    """
    drawn = labels.copy()
    group_of, composition = group_compositions(labels, np.asarray(groups))
    for split in splits:
        rows = np.array(split, dtype=np.int64)
        mixed = composition[group_of[rows]] == MIXED
        whole = rows[~mixed]
        drawn[whole] = _of_groups(labels[whole], group_of[whole], tilt[whole], rng)
        for group in np.unique(group_of[rows[mixed]]):
            inside = rows[group_of[rows] == group]
            drawn[inside] = _chosen(int(labels[inside].sum()), tilt[inside], rng)
    return drawn


def _of_groups(labels: Labels, group_of: NDArray[np.int64], tilt: Floats, rng: np.random.Generator) -> Labels:
    if not len(labels):
        return labels
    _, first, place, size = np.unique(group_of, return_index=True, return_inverse=True, return_counts=True)
    mean = np.bincount(place, weights=tilt) / size
    drawn: Labels = _chosen(int(labels[first].sum()), mean, rng)[place]
    return drawn


def _chosen(count: int, tilt: Floats, rng: np.random.Generator) -> Labels:
    """1 for `count` of them, drawn without replacement."""
    chosen = np.zeros(len(tilt), dtype=np.int64)
    chosen[np.argsort(-(tilt + rng.gumbel(size=len(tilt))), kind="stable")[:count]] = 1
    return chosen
