import numpy as np
import pytest
import torch
from scipy.stats import binom

from lit_mia.errors import MetricError
from lit_mia.metrics.retrieval import closer_keys, retrieval


def test_ranks_by_hand():
    keys = torch.tensor([[1.0, 0.0], [0.0, 2.0], [3.0, 3.0], [-1.0, 0.0]])
    queries = torch.tensor([[5.0, 0.1], [1.0, 0.9], [0.1, 1.0], [1.0, 0.0]])
    assert closer_keys(queries, keys).tolist() == [0, 2, 1, 3]


@pytest.mark.parametrize("cells", [100, 2**27])
def test_ranks_are_those_of_scikit_learn_however_many_are_found_at_once(cells, monkeypatch):
    from sklearn.metrics.pairwise import cosine_similarity

    queries, keys = torch.randn(2, 40, 6, generator=torch.Generator().manual_seed(0))
    monkeypatch.setattr("lit_mia.metrics.retrieval._CELLS", cells)
    order = np.argsort(-cosine_similarity(queries, keys), axis=1)
    assert closer_keys(queries, keys).tolist() == [list(row).index(i) for i, row in enumerate(order)]


def test_constant_embeddings_find_nothing():
    assert retrieval(closer_keys(torch.ones(30, 3), torch.ones(30, 3))).found == 0


def test_the_rate_and_its_p_value():
    found = retrieval(torch.tensor([0] * 9 + [9, 10] + [50] * 89))
    assert (found.n, found.nearest, found.found, found.rate, found.chance) == (100, 10, 10, 0.1, 0.1)
    assert found.p == pytest.approx(binom.sf(9, 100, 0.1))
    assert retrieval(torch.tensor([3] * 30 + [60] * 70)).p < 1e-6
    low, high = found.interval()
    assert (low, high) == pytest.approx((0.0490, 0.1762), abs=1e-4)


def test_too_few_queries_are_refused():
    with pytest.raises(MetricError, match="more than 10 queries, but there are 10"):
        retrieval(torch.zeros(10))
