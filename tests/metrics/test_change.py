"""Changes of AUCs: against DeLong and Obuchowski by hand, how often they cover and err, and what they would see."""

import numpy as np
import pytest
from scipy import stats

from lit_mia.metrics.change.auc_change import apart, change_beside, change_of
from lit_mia.metrics.intervals import measure
from lit_mia.metrics.newcombe import newcombe_variance

N = 60
LABELS = np.repeat([1, 0], N)


def scores(rng, *shifts, alike=0.6):
    """Scores of the same records, one row per shift of the members."""
    hidden = rng.normal(size=2 * N)
    own = rng.normal(size=(len(shifts), 2 * N))
    return np.sqrt(alike) * hidden + np.sqrt(1 - alike) * own + np.outer(shifts, LABELS)


def placements(row, labels):
    """Of each record, the share of the other class that it is on the right side of; written out."""
    wins = (row[labels == 1][:, None] > row[labels == 0]) + 0.5 * (row[labels == 1][:, None] == row[labels == 0])
    return wins.mean(axis=1), wins.mean(axis=0)


def delong(contrast, rows, labels):
    """Value and variance of a sum of AUCs over the same records."""
    v1, v0 = (np.array(side) for side in zip(*(placements(row, labels) for row in rows), strict=True))
    value = contrast @ v1.mean(axis=1)
    parts = [np.var(contrast @ v, ddof=1) / v.shape[1] for v in (v1, v0)]
    return value, parts


def test_a_paired_change_is_that_of_delong():
    rows = np.round(scores(np.random.default_rng(0), 0.9, 0.4), 1)
    value, parts = delong(np.array([-1, 1]), rows, LABELS)
    degrees = sum(parts) ** 2 / sum(part**2 / (N - 1) for part in parts)
    se = np.sqrt(sum(parts))
    found = change_of(measure(rows, LABELS, None), 0, 1, tests=3)
    assert found.delta == pytest.approx(value)
    reach = stats.t.ppf(0.975, degrees) * se
    assert found.ci == pytest.approx((value - reach, value + reach))
    assert found.p == pytest.approx(2 * stats.t.sf(abs(value) / se, degrees))


def test_what_would_be_seen_has_the_standard_error_of_the_auc_that_it_leads_to():
    rows = scores(np.random.default_rng(0), 0.9, 0.7)
    measured = measure(rows, LABELS, None)
    found = change_of(measured, 0, 1, tests=3)
    (before, after), ((a, both), (_, b)), *_ = measured.pair(0, 1)
    degrees = measured.by_group.degrees(np.array([-1.0, 1.0]))
    grown = newcombe_variance(before - found.detectable, N, N) / newcombe_variance(after, N, N)
    assert grown > 1
    se = np.sqrt(a + b * grown - 2 * both * np.sqrt(grown))
    assert found.detectable == pytest.approx((stats.t.ppf(1 - 0.025 / 3, degrees) + stats.t.ppf(0.8, degrees)) * se)


def test_a_paired_change_is_that_of_a_bootstrap_of_groups():
    rng = np.random.default_rng(1)
    groups = np.arange(2 * N) // 3
    rows = scores(rng, 0.9, 0.4) + rng.normal(size=2 * N)[groups]
    found = change_of(measure(rows, LABELS, groups), 0, 1)
    drawn = []
    for _ in range(1000):
        kept = np.concatenate([np.flatnonzero(groups == g) for g in rng.integers(0, groups[-1] + 1, groups[-1] + 1)])
        first, second = (placements(row[kept], LABELS[kept])[0].mean() for row in rows)
        drawn.append(second - first)
    assert found.ci.hi - found.ci.lo == pytest.approx(2 * stats.t.ppf(0.975, 38) * np.std(drawn), rel=0.12)


def test_a_change_beside_a_control_is_a_sum_of_four_aucs():
    rows = scores(np.random.default_rng(2), 0.9, 0.1, 0.5, 0.1)
    value, parts = delong(np.array([-1, 1, 1, -1]), rows, LABELS)
    delta, ci = change_beside(measure(rows, LABELS, None), (0, 1), (2, 3))
    degrees = sum(parts) ** 2 / sum(part**2 / (N - 1) for part in parts)
    assert delta == pytest.approx(value)
    assert ci.hi - delta == pytest.approx(stats.t.ppf(0.975, degrees) * np.sqrt(sum(parts)))


def test_variances_of_different_records_add_up():
    first, second = (scores(np.random.default_rng(seed), shift) for seed, shift in ((3, 0.9), (4, 0.4)))
    both = apart(measure(first, LABELS, None), measure(second[:, 10:-20], LABELS[10:-20], None))
    (a, a_parts), (b, b_parts) = (
        delong(np.ones(1), *of) for of in ((first, LABELS), (second[:, 10:-20], LABELS[10:-20]))
    )
    found, se = change_of(both, 0, 1), np.sqrt(sum(a_parts) + sum(b_parts))
    assert found.delta == pytest.approx(b - a)
    half = (found.ci.hi - found.ci.lo) / 2
    assert stats.t.ppf(0.975, 200) * se < half < stats.t.ppf(0.975, 38) * se


@pytest.mark.parametrize("together", [True, False])
def test_where_nothing_changed_the_interval_holds_zero_as_often_as_it_says(together):
    rng, missed, rejected, repetitions = np.random.default_rng(5), 0, 0, 250
    for _ in range(repetitions):
        rows = scores(rng, 0.5, 0.5, alike=0.6 if together else 0.0)
        measured = [measure(row, LABELS, None) for row in rows]
        found = change_of(measure(rows, LABELS, None) if together else apart(*measured), 0, 1)
        missed += not found.ci.lo <= 0 <= found.ci.hi
        rejected += found.p <= 0.05
    assert missed == rejected
    assert missed <= stats.binom.ppf(0.995, repetitions, 0.05)
    assert missed >= stats.binom.ppf(0.005, repetitions, 0.05)


@pytest.mark.parametrize("shift", [0.5, 2.0])
def test_a_change_of_the_size_that_would_be_seen_is_seen_four_times_in_five(shift):
    rng, repetitions = np.random.default_rng(6), 250
    unchanged = [change_of(measure(scores(rng, shift, shift), LABELS, None), 0, 1) for _ in range(20)]
    seen = np.mean([change.detectable for change in unchanged])
    after = stats.norm.ppf(stats.norm.cdf(shift / np.sqrt(2)) - seen) * np.sqrt(2)
    found = sum(change_of(measure(scores(rng, shift, after), LABELS, None), 0, 1).p <= 0.05 for _ in range(repetitions))
    assert found / repetitions == pytest.approx(0.8, abs=0.08)


def test_what_has_no_interval_has_no_p_either():
    rows = scores(np.random.default_rng(7), 0.5, 0.9)
    assert change_of(measure(rows[[0, 0]], LABELS, None), 0, 1) == (0.0, None, None, None)
    near_one = scores(np.random.default_rng(7), 3.0)[[0, 0]]
    assert change_of(measure(near_one, LABELS, None), 0, 1) == (0.0, None, None, None)
    few = np.arange(2 * N) // 15
    found = change_of(measure(rows, LABELS, few), 0, 1)
    assert found.delta > 0
    assert found[1:] == (None, None, None)


def test_near_an_auc_of_one_the_interval_and_what_would_be_seen_are_wider():
    rows = scores(np.random.default_rng(8), 9.0, 3.4)
    measured = measure(rows, LABELS, None)
    found = change_of(measured, 0, 1)
    assert found.detectable > 2.8 * measured.se(np.array([-1.0, 1.0]))
    assert found.ci.lo < found.delta < found.ci.hi
    assert change_beside(measure(np.concatenate([rows, rows]), LABELS, None), (0, 1), (2, 3))[1] is None


def test_two_perfect_rankings_have_an_interval_around_no_change():
    rows = np.stack([LABELS + 0.0, LABELS * 2.0 + np.arange(2 * N) / 1000])
    found = change_of(measure(rows, LABELS, None), 0, 1)
    assert (found.delta, found.p, found.detectable) == (0, 1, None)
    assert found.ci.lo < 0 < found.ci.hi
