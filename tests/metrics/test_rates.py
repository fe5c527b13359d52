"""Intervals of rates: Clopper and Pearson's against scipy, Korn and Graubard's written out, and coverage."""

import numpy as np
import pytest
from scipy import stats

from lit_mia.errors import MetricError
from lit_mia.metrics.rates import clopper_pearson, rate_of, worth_of


@pytest.mark.parametrize(("k", "n"), [(0, 10), (1, 10), (5, 10), (10, 10), (3, 417), (0, 1)])
@pytest.mark.parametrize("level", [0.9, 0.95])
def test_clopper_pearson_equals_scipy(k, n, level):
    exact = stats.binomtest(k, n).proportion_ci(level, method="exact")

    assert clopper_pearson(k, n, level) == pytest.approx((exact.low, exact.high), abs=1e-9)


@pytest.mark.parametrize(("k", "n"), [(-1, 10), (11, 10), (0, 0)])
def test_clopper_pearson_refuses_impossible_counts(k, n):
    with pytest.raises(MetricError, match="0 <= k <= n"):
        clopper_pearson(k, n)


def test_records_are_worth_themselves():
    called = np.random.default_rng(0).random(60) < 0.3

    assert worth_of(called) == worth_of(called, np.arange(60)) == 60
    assert rate_of(called).ci == clopper_pearson(called.mean() * 60, 60)


def test_the_worth_of_unequal_groups_is_korn_and_graubards():
    rng = np.random.default_rng(1)
    groups = np.repeat(np.arange(12), rng.integers(1, 9, size=12))
    called = rng.random(len(groups)) < np.linspace(0.1, 0.9, 12)[groups]
    n, rate = len(groups), called.mean()

    variance = 12 / 11 * sum(np.sum(called[groups == g] - rate) ** 2 for g in range(12)) / n**2
    effective = rate * (1 - rate) / variance * n / (n - 1)
    expected = effective * (stats.t.ppf(0.975, n - 1) / stats.t.ppf(0.975, 11)) ** 2
    assert worth_of(called, groups) == pytest.approx(expected)


def test_where_nothing_tells_the_design_effect_a_group_counts_once():
    groups = np.arange(50) // 5

    assert worth_of(np.zeros(50, dtype=bool), groups) == worth_of(np.ones(50, dtype=bool), groups) == 10
    assert rate_of(np.ones(50, dtype=bool), groups).ci == clopper_pearson(10, 10)
    one_group = rate_of(np.arange(50) < 20, np.zeros(50))
    assert (one_group.value, *one_group.ci) == (0.4, 0, 1)


@pytest.mark.parametrize("share", [0.0, 0.5, 0.9])
@pytest.mark.parametrize("rate", [0.1, 0.5])
def test_intervals_cover_with_the_group_as_the_unit(share, rate):
    rng, groups = np.random.default_rng(2), np.repeat(np.arange(36), 5)
    covered = {"groups": 0, "records": 0}
    for _ in range(300):
        noise = np.sqrt(share) * rng.normal(size=36)[groups] + np.sqrt(1 - share) * rng.normal(size=180)
        for name, names in (("groups", groups), ("records", None)):
            ci = rate_of(noise >= stats.norm.isf(rate), names).ci
            covered[name] += ci.lo <= rate <= ci.hi
    assert covered["groups"] / 300 >= 0.92
    assert share == 0 or covered["records"] / 300 < 0.9
