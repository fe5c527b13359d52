import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from lit_mia.errors import MetricError
from lit_mia.metrics.auc import auc, midranks, null_se
from lit_mia.metrics.resampling import _aucs, max_auc_null


def test_one_score_has_the_null_spread():
    rng = np.random.default_rng(0)
    labels = np.repeat([1, 0], [60, 90])

    null = max_auc_null(rng.normal(size=(1, 150)), labels, n_permutations=4000)

    assert null.shape == (4000,)
    assert null.mean() == pytest.approx(0.5, abs=0.003)
    assert null.std() == pytest.approx(null_se(60, 90), rel=0.05)


def test_matrix_product_equals_scikit_learn():
    rng = np.random.default_rng(1)
    scores, labels = np.round(rng.normal(size=(3, 40)), 1), rng.random((5, 40)) < 0.4

    result = _aucs(np.stack([midranks(row) for row in scores]), labels)

    expected = [[roc_auc_score(member, row) for member in labels] for row in scores]
    np.testing.assert_allclose(result, expected)


def test_the_quantile_is_exceeded_by_the_best_of_many_useless_scores_in_5_percent():
    rng = np.random.default_rng(2)
    labels = np.repeat([1, 0], 40)
    exceeded = {"best of 5": 0, "single": 0}
    for run in range(200):
        scores = rng.normal(size=(5, 80))
        best = max(auc(row, labels) for row in scores)
        for name, heads in (("best of 5", scores), ("single", scores[:1])):
            null = max_auc_null(heads, labels, n_permutations=200, seed=run)
            exceeded[name] += best > np.quantile(null, 0.95)
    assert 0.02 <= exceeded["best of 5"] / 200 <= 0.09
    assert exceeded["single"] / 200 > 0.12


def test_pure_groups_keep_one_label_and_widen_the_null():
    rng = np.random.default_rng(3)
    groups = np.repeat(np.arange(30), 6)
    labels = (groups < 15).astype(int)
    scores = rng.normal(size=30)[groups][None]

    by_record, by_group = max_auc_null(scores, labels), max_auc_null(scores, labels, groups)

    assert by_group.std() == pytest.approx(null_se(15, 15), rel=0.1)
    assert by_record.std() < 0.6 * by_group.std()


def test_groups_of_unequal_size_and_mixed_groups():
    rng = np.random.default_rng(4)
    labels = np.repeat([1, 0], [10, 20])
    scores = rng.normal(size=(2, 30))
    pure, mixed = np.minimum(np.arange(30) // 5, 4), np.arange(30) % 10

    unequal = max_auc_null(scores, labels, pure)

    assert ((unequal >= 0) & (unequal <= 1)).all()
    np.testing.assert_array_equal(max_auc_null(scores, labels, mixed), max_auc_null(scores, labels))


def test_unusable_input_is_refused():
    labels = [1, 0, 1]
    for scores, permutations in (([1, 2, 3], 10), ([[1, 2]], 10), ([[1, 2, np.nan]], 10), ([[1, 2, 3]], 0)):
        with pytest.raises(MetricError):
            max_auc_null(scores, labels, n_permutations=permutations)
