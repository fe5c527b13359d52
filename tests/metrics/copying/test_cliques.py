"""Disjoint cliques: planted ones, against the largest of all by brute force, and in graphs where there are few."""

import numpy as np
import pytest

from lit_mia.errors import MetricError
from lit_mia.metrics.copying.cliques import disjoint_cliques, medoid


def graph(n, *cliques, noise=0.0, seed=0):
    """Cliques, and edges between any two nodes with the chance `noise`, bool `[n, n]`."""
    above = np.triu(np.random.default_rng(seed).random((n, n)) < noise, k=1)
    adjacent = above | above.T
    for clique in cliques:
        adjacent[np.ix_(clique, clique)] = True
    return adjacent


def all_cliques(adjacent):
    """Every maximal clique (Bron and Kerbosch 1973)."""
    neighbours = [set(np.flatnonzero(row)) - {node} for node, row in enumerate(adjacent)]

    def extended(clique, candidates, excluded):
        if not candidates | excluded:
            yield sorted(clique)
        for node in sorted(candidates):
            yield from extended(clique | {node}, candidates & neighbours[node], excluded & neighbours[node])
            candidates, excluded = candidates - {node}, excluded | {node}

    return list(extended(set(), set(range(len(adjacent))), set()))


def test_separate_cliques_are_all_found_the_largest_first():
    nodes = np.random.default_rng(0).permutation(60).tolist()
    planted = [sorted(nodes[start:end]) for start, end in ((0, 10), (10, 24), (24, 34), (34, 38))]

    expected = sorted(planted[:3], key=lambda clique: (-len(clique), clique))
    assert disjoint_cliques(graph(60, *planted), 10) == expected
    by_force = [clique for clique in all_cliques(graph(60, *planted)) if len(clique) >= 4]
    assert sorted(disjoint_cliques(graph(60, *planted), 4)) == sorted(by_force)


@pytest.mark.parametrize("seed", range(5))
def test_planted_cliques_are_found_among_other_edges(seed):
    planted = [list(range(12)), list(range(20, 31))]
    found = disjoint_cliques(graph(150, *planted, noise=0.05, seed=seed), 10)

    assert [set(of) & set(clique) for of, clique in zip(planted, found, strict=True)] == [set(of) for of in planted]


@pytest.mark.parametrize("seed", range(5))
def test_what_is_found_are_disjoint_cliques_and_none_is_left(seed):
    adjacent = graph(40, noise=0.4, seed=seed)
    found = disjoint_cliques(adjacent, 3)

    nodes = np.concatenate(found)
    assert len(set(nodes.tolist())) == len(nodes)
    for clique in found:
        inside = adjacent[np.ix_(clique, clique)]
        assert inside.sum() == len(clique) * (len(clique) - 1)
    left = np.setdiff1d(np.arange(40), nodes)
    assert max(map(len, all_cliques(adjacent[np.ix_(left, left)])), default=0) < 3
    largest = max(map(len, all_cliques(adjacent)))
    assert largest - 2 <= len(found[0]) <= largest
    assert disjoint_cliques(adjacent, 3) == found


def test_the_diagonal_means_nothing_and_small_cliques_are_left_out():
    adjacent = graph(12, [0, 3, 5], [7, 8])
    with_diagonal = adjacent | np.eye(12, dtype=bool)

    assert disjoint_cliques(adjacent, 2) == disjoint_cliques(with_diagonal, 2) == [[0, 3, 5], [7, 8]]
    assert disjoint_cliques(adjacent, 4) == disjoint_cliques(np.zeros((0, 0), bool), 2) == []


@pytest.mark.parametrize(("noise", "least"), [(1.0, 10), (0.5, 40)])
def test_dense_graphs_end(noise, least):
    found = disjoint_cliques(graph(400, noise=noise), least)

    assert found == ([list(range(400))] if noise == 1 else [])


def test_the_medoid_is_closest_to_the_others():
    rng = np.random.default_rng(0)
    points = rng.normal(size=(9, 2))
    closeness = -np.linalg.norm(points[:, None] - points[None], axis=-1)

    members = [1, 4, 5, 8]
    sums = {node: sum(closeness[node, other] for other in members) for node in members}
    assert medoid(closeness, members) == max(sums, key=sums.get)
    assert medoid(np.ones((4, 4)), [2, 3]) == 2


def test_what_is_no_graph_is_refused():
    one_way = np.zeros((3, 3), bool)
    one_way[0, 1] = True
    for adjacent in (one_way, np.zeros((2, 3), bool), np.zeros(4, bool)):
        with pytest.raises(MetricError, match="must be mutual"):
            disjoint_cliques(adjacent, 2)
    with pytest.raises(MetricError, match="at least 2 nodes"):
        disjoint_cliques(np.zeros((3, 3), bool), 1)
