import numpy as np
import pytest

from lit_mia.errors import MetricError
from lit_mia.metrics.auc import mde_auc, null_se
from lit_mia.metrics.permutation import own_tests


@pytest.mark.parametrize(
    ("n", "se", "mde"),
    [(100, 0.041, 0.602), (417, 0.020, 0.550), (1000, 0.013, 0.532), (2500, 0.008, 0.520), (10000, 0.004, 0.510)],
)
def test_the_published_table(n, se, mde):
    assert null_se(n, n) == pytest.approx(se, abs=5e-4)
    assert null_se(n, n) == pytest.approx(np.sqrt((2 * n + 1) / (12 * n**2)))
    assert mde_auc(n, n) == pytest.approx(mde, abs=5e-4)


def test_unequal_classes():
    assert null_se(30, 70) == null_se(70, 30) == pytest.approx(np.sqrt(101 / (12 * 2100)))
    assert mde_auc(1, 1) == 1


def test_the_mde_is_found_with_about_80_percent_power():
    rng = np.random.default_rng(0)
    labels = np.repeat([1, 0], 100)
    shift = 0.366  # a shift of 0.366 standard deviations has the AUC 0.602
    found = [own_tests([rng.normal(size=200) + shift * labels], labels).above[0] <= 0.05 for _ in range(400)]
    assert 0.74 <= np.mean(found) <= 0.88


def test_impossible_input_is_refused():
    for call in (lambda: null_se(0, 5), lambda: mde_auc(5, 0)):
        with pytest.raises(MetricError):
            call()
