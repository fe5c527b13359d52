import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import roc_auc_score

from lit_mia.metrics.auc import auc, midranks


@pytest.mark.parametrize("decimals", [0, 1, 9])
def test_auc_equals_scikit_learn(decimals):
    rng = np.random.default_rng(0)
    labels = np.repeat([1, 0], [40, 60])
    scores = np.round(rng.normal(size=100) + 0.7 * labels, decimals)

    assert auc(scores, labels) == pytest.approx(roc_auc_score(labels, scores), abs=1e-12)


def test_midranks_equal_scipy():
    values = np.round(np.random.default_rng(0).normal(size=50), 1)

    np.testing.assert_array_equal(midranks(values), stats.rankdata(values))
