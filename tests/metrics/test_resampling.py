import numpy as np
import pytest

from lit_mia.errors import MetricError
from lit_mia.metrics import resampling
from lit_mia.metrics.resampling import group_compositions

LABELS = np.array([1, 1, 1, 0, 0, 0, 1, 0, 1, 0])
GROUPS = np.array(["a", "a", "b", "c", "c", "d", "e", "e", "f", "f"])  # e and f hold both classes


def test_compositions():
    group_of, composition = group_compositions(LABELS, GROUPS)

    np.testing.assert_array_equal(composition, [1, 1, 2, 2, 3, 3])
    np.testing.assert_array_equal(group_of, [0, 0, 1, 2, 2, 3, 4, 4, 5, 5])
    with pytest.raises(MetricError, match="one group name"):
        group_compositions(LABELS, GROUPS[1:])


def test_memory_batches_hold_all_draws(monkeypatch):
    monkeypatch.setattr(resampling, "_CELLS", 70)

    assert list(resampling.batch_sizes(30, 10)) == [7, 7, 7, 7, 2]
    assert list(resampling.batch_sizes(2, 1000)) == [1, 1]
