"""Sets of generated images that all resemble one another: what a model draws again and again, it may know by heart.

Carlini et al. (2023, arXiv 2301.13188, section 4.2) take a generated image for memorised if it is in a clique of 10
among 500. The largest cliques of a graph cannot be found in bounded time, so these are found greedily.
"""

import numpy as np

from lit_mia.errors import MetricError
from lit_mia.metrics.resampling import IntArray
from lit_mia.metrics.roc import BoolArray, FloatArray


def disjoint_cliques(adjacent: BoolArray, least: int) -> list[list[int]]:
    """Cliques that share no node, each ascending, the largest first.

    From the free node with the most free neighbours on, a clique grows by the candidate that most others are adjacent
    to; of equals by the first. Too small a one gives up that start, and is free for other cliques. It takes n · d² at
    most, for n nodes of d neighbours, and finds all cliques that touch no other node; otherwise there may be more, and
    larger ones.

    Args:
        adjacent: Which nodes are neighbours, symmetric, `[n, n]`; the diagonal means nothing.
        least: Fewest nodes of a clique, at least 2.

    Raises:
        MetricError: If the matrix is not symmetric, or `least` is below 2.
    """
    if adjacent.ndim != 2 or not np.array_equal(adjacent, adjacent.T):
        raise MetricError(
            f"Neighbours must be mutual, a symmetric [n, n] matrix, but one of shape {adjacent.shape} is not. Compare "
            "each pair both ways."
        )
    if least < 2:
        raise MetricError(f"A clique has at least 2 nodes, but `least` is {least}.")
    neighbours, found = adjacent & ~np.eye(len(adjacent), dtype=bool), []
    free, degrees = np.ones(len(adjacent), dtype=bool), neighbours.sum(axis=1)
    starts = degrees >= least - 1
    while starts.any():
        start = int(np.where(starts, degrees, -1).argmax())
        clique = _grown(neighbours, start, np.flatnonzero(neighbours[start] & free))
        starts[start] = False
        if len(clique) >= least:
            found.append(sorted(clique.tolist()))
            free[clique] = False
            degrees -= neighbours[:, clique].sum(axis=1)
            starts &= free & (degrees >= least - 1)
    return sorted(found, key=lambda clique: (-len(clique), clique))


def medoid(closeness: FloatArray, members: list[int]) -> int:
    """The member that is closest to all others on average; of equals the first.

    Args:
        closeness: Of every two nodes, higher for closer, `[n, n]`.
        members: Some of the nodes.
    """
    return members[int(closeness[np.ix_(members, members)].sum(axis=1).argmax())]


def _grown(neighbours: BoolArray, start: int, candidates: IntArray) -> IntArray:
    """A clique of a node and some of its neighbours."""
    among = neighbours[np.ix_(candidates, candidates)]
    left, shared, clique = np.ones(len(candidates), dtype=bool), among.sum(axis=1), [start]
    while left.any():
        best = int(np.where(left, shared, -1).argmax())
        clique.append(int(candidates[best]))
        dropped = left & ~among[best]  # the chosen one among them
        shared = shared - among[:, dropped].sum(axis=1)
        left &= ~dropped
    return np.array(clique)
