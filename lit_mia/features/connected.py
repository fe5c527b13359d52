"""What is connected, of numbered things and pairs of them."""

import numpy as np
from numpy.typing import NDArray


def components(n: int, a: NDArray[np.int64], b: NDArray[np.int64]) -> NDArray[np.int64]:
    """Number of the component that each of `n` things is in, `[n]`.

    Args:
        n: How many things there are.
        a: First of each pair of connected things, `[pairs]`.
        b: Second of each pair, `[pairs]`.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    edges = coo_array((np.ones(len(a), np.int8), (a, b)), shape=(n, n))
    numbers: NDArray[np.int64] = connected_components(edges, directed=False)[1].astype(np.int64)
    return numbers


def sets_of(component: NDArray[np.int64]) -> list[list[int]]:
    """Rows of each component that has two or more, each ascending; in the order of their first rows."""
    shared = np.flatnonzero(np.bincount(component)[component] > 1)
    order = shared[np.argsort(component[shared], kind="stable")]
    sets = np.split(order, np.flatnonzero(np.diff(component[order])) + 1)
    return sorted(rows.tolist() for rows in sets if len(rows))
