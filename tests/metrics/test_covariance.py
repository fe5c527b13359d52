"""Obuchowski's covariance against loops over pairs and groups as in her paper, DeLong's, and planted correlation."""

import numpy as np
import pytest

from lit_mia.errors import MetricError
from lit_mia.metrics.covariance import aucs


def loops(scores, labels, groups):
    """AUCs and covariance by comparing every member with every non-member, group by group."""
    names, members, nonmembers = sorted({*groups}), labels == 1, labels == 0
    n1, n0, values, sums = members.sum(), nonmembers.sum(), [], []
    for row in scores:
        wins = np.array([[1.0 if x > y else 0.5 if x == y else 0.0 for y in row[nonmembers]] for x in row[members]])
        value, shares = wins.mean(), np.empty(len(row))
        shares[members], shares[nonmembers] = wins.mean(axis=1), wins.mean(axis=0)
        values.append(value)
        sums.append(
            [[sum((shares - value)[side & (groups == name)]) for name in names] for side in (members, nonmembers)]
        )
    held = [sum(any(side & (groups == name)) for name in names) for side in (members, nonmembers)]
    covariance = np.empty((len(scores), len(scores)))
    for i, (members_i, nonmembers_i) in enumerate(sums):
        for j, (members_j, nonmembers_j) in enumerate(sums):
            s10 = held[0] / ((held[0] - 1) * n1) * np.dot(members_i, members_j)
            s01 = held[1] / ((held[1] - 1) * n0) * np.dot(nonmembers_i, nonmembers_j)
            s11 = len(names) / (len(names) - 1) * np.dot(members_i, nonmembers_j)
            s11_back = len(names) / (len(names) - 1) * np.dot(nonmembers_i, members_j)
            covariance[i, j] = s10 / n1 + s01 / n0 + (s11 + s11_back) / (n1 * n0)
    return values, covariance


@pytest.mark.parametrize("decimals", [1, 9])
@pytest.mark.parametrize("mixed", [False, True])
def test_covariance_equals_the_loops(decimals, mixed):
    rng = np.random.default_rng(0)
    groups = np.sort(rng.integers(14, size=60))
    labels = rng.permutation(60) % 2 if mixed else (groups < 6).astype(int)
    scores = np.round(rng.normal(size=(3, 60)) + rng.normal(size=14)[groups] + labels, decimals)

    found = aucs(scores, labels, groups)

    values, covariance = loops(scores, labels, groups)
    assert found.values == pytest.approx(values)
    assert found.covariance == pytest.approx(covariance)


def test_single_records_have_delongs_covariance():
    rng = np.random.default_rng(1)
    labels = np.repeat([1, 0], [20, 30])
    scores = rng.normal(size=(2, 50)) + rng.normal(size=50) + labels

    found = aucs(scores, labels)

    wins = np.array([row[labels == 1][:, None] > row[labels == 0] for row in scores])
    expected = np.cov(wins.mean(axis=2)) / 20 + np.cov(wins.mean(axis=1)) / 30
    assert found.covariance == pytest.approx(expected)
    assert (found.members, found.nonmembers) == (20, 30)


def test_the_variance_is_that_of_many_draws():
    rng = np.random.default_rng(2)
    groups, labels = np.repeat(np.arange(80), 4), np.repeat([1, 0], 160)
    drawn = [
        aucs([0.9 * rng.normal(size=80)[groups] + 0.4 * rng.normal(size=320) + 0.5 * labels], labels, groups)
        for _ in range(300)
    ]

    estimated = np.mean([found.covariance[0, 0] for found in drawn])
    assert estimated == pytest.approx(np.var([found.values[0] for found in drawn]), rel=0.2)


def test_too_few_groups_are_refused():
    with pytest.raises(MetricError, match="at least two groups of each class"):
        aucs([[1, 2, 3, 4]], [1, 1, 0, 0], ["a", "a", "b", "c"])
    with pytest.raises(MetricError, match="one group name"):
        aucs([[1, 2, 3, 4]], [1, 1, 0, 0], ["a", "b"])
