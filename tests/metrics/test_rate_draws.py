"""Resampled true positive rates: against records that are really drawn, and how often the intervals cover."""

import numpy as np
import pytest
from scipy import stats

from lit_mia.errors import MetricError
from lit_mia.metrics.change.rate_draws import DRAWS, drawn_tpr
from lit_mia.metrics.resampling import percentiles
from lit_mia.metrics.threshold import operating_point

N = 100
LABELS = np.repeat([1, 0], N)


def test_each_sample_has_the_rate_of_the_records_that_it_holds(monkeypatch):
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(N), 2)
    rows = np.round(rng.normal(size=(2, 2 * N)) + LABELS, 1)
    monkeypatch.setattr("lit_mia.metrics.change.rate_draws.DRAWS", 20)
    found = drawn_tpr(rows, LABELS, [0.1, 0.03], groups, seed=4)
    drawn = np.random.default_rng(4)
    times = np.zeros((20, N), dtype=int)
    for kind in (slice(N // 2), slice(N // 2, N)):  # members alone, non-members alone
        times[:, kind] = drawn.multinomial(N // 2, np.full(N // 2, 2 / N), size=20)
    for sample in range(20):
        kept = np.repeat(np.arange(2 * N), times[sample][groups])
        for row in range(2):
            for level, fpr in enumerate((0.1, 0.03)):
                point = operating_point(rows[row][kept], LABELS[kept], fpr)
                assert found[row, level, sample] == pytest.approx(point.tpr)


def test_intervals_of_a_change_cover_and_find_it():
    rng, before, after, repetitions = np.random.default_rng(1), 1.5, 0.3, 60
    truth = stats.norm.sf(stats.norm.isf(0.1) - after) - stats.norm.sf(stats.norm.isf(0.1) - before)
    covered = found = wrong = 0
    for _ in range(repetitions):
        hidden = rng.normal(size=2 * N)
        rows = np.sqrt(0.5) * (hidden + rng.normal(size=(3, 2 * N))) + np.outer((before, after, before), LABELS)
        a, b, same = drawn_tpr(rows, LABELS, [0.1])[:, 0]
        (lo, hi), (least, most) = percentiles(b - a, 0.95), percentiles(same - a, 0.95)
        covered, found, wrong = covered + (lo <= truth <= hi), found + (hi < 0), wrong + (not least <= 0 <= most)
    assert covered >= stats.binom.ppf(0.005, repetitions, 0.95)
    assert found > 0.9 * repetitions
    assert wrong <= stats.binom.ppf(0.995, repetitions, 0.05)


def test_the_same_scores_never_differ_and_rates_must_be_rates():
    row = np.random.default_rng(2).normal(size=2 * N)
    first, second = drawn_tpr(np.stack([row, row]), LABELS, [0.1])
    assert first.shape == (1, DRAWS)
    np.testing.assert_array_equal(first, second)
    with pytest.raises(MetricError, match="must be in"):
        drawn_tpr(row, LABELS, [1.0])
