"""Rows and summaries of an ablation, from planted scores."""

import numpy as np
import pytest

from lit_mia.metrics.auc import auc
from lit_mia.metrics.intervals import auc_difference, auc_estimate
from lit_mia.report.ablation.numbers import PointScores, on_common_records, rows_of, summaries_of
from lit_mia.report.ablation.rows import PointFacts

N = 80
LABELS = np.arange(N) // 2 % 2
GROUPS = np.array([f"g{row // 2:02d}" for row in range(N)])
IDS = np.array([f"r{row:02d}" for row in range(N)])
AXIS, DRAW = "data.fraction", "data.draw"


def point(value, draw=0, rows=slice(None)):
    """Scores of the attacks `a` and `b` and of the blind control of `a`."""
    rng = np.random.default_rng([draw, *str(value).encode()])
    heads = {("a", "attack"): 1.0, ("a", "blind"): 0.0, ("b", "attack"): 0.4}
    scores = {h: (rng.normal(size=N) + s * LABELS)[rows] for h, s in heads.items()}
    facts = PointFacts({AXIS: value, DRAW: draw}, 10, 1, 2, "t")
    return PointScores(facts, IDS[rows], LABELS[rows], GROUPS[rows], scores)


@pytest.fixture
def points():
    """Value 0.1 at three draws, and 1.0 and 0.5 at one."""
    return [*(point(0.1, draw) for draw in range(3)), point(1.0), point(0.5)]


def at(summaries, attack, kind, value):
    (found,) = [s for s in summaries if (s.attack, s.kind, s.value) == (attack, kind, value)]
    return found


def test_a_row_per_point_and_head_has_the_interval_of_an_audit(points):
    rows = rows_of(points)
    assert [(row.attack, row.kind) for row in rows[:3]] == [("a", "attack"), ("a", "blind"), ("b", "attack")]
    assert len(rows) == 5 * 3
    for row in rows:
        (of,) = [p for p in points if p.facts is row.point]
        expected = auc_estimate(of.scores[row.attack, row.kind], LABELS, GROUPS)
        assert (row.auc, row.auc_lo, row.auc_hi) == expected[:3]


def test_repetitions_become_mean_range_and_number(points):
    summaries = summaries_of(points, AXIS)
    assert [s.value for s in summaries if s.attack == "b"] == [0.1, 0.5, 1.0]  # numbers ascend
    scores = np.stack([p.scores["a", "attack"] for p in points[:3]])
    each = [auc(s, LABELS) for s in scores]
    found = at(summaries, "a", "attack", 0.1)
    assert (found.n, found.auc_min, found.auc_max) == (3, min(each), max(each))
    assert (found.auc, found.auc_lo, found.auc_hi) == auc_estimate(scores, LABELS, GROUPS)[:3]
    assert at(summaries, "a", "attack", 1.0).n == 1
    assert all(s.delta is None for s in summaries)


def test_differences_to_a_value_are_paired_on_the_same_records(points):
    summaries = summaries_of(points, AXIS, baseline=1)
    assert at(summaries, "a", "attack", 1.0).delta is None
    assert at(summaries, "a", "blind", 0.1).delta is None
    scores = np.stack([p.scores["a", "attack"] for p in points[:3]])
    expected = auc_difference(scores, points[3].scores["a", "attack"][None], LABELS, GROUPS)
    found = at(summaries, "a", "attack", 0.1)
    assert (found.delta, found.delta_lo, found.delta_hi) == expected[:3]
    assert found.delta == pytest.approx(found.auc - at(summaries, "a", "attack", 1.0).auc)


def test_differences_to_an_attack_are_taken_at_the_same_value(points):
    summaries = summaries_of(points, AXIS, baseline_attack="a")
    assert [s.delta for s in summaries if s.attack == "a"] == [None] * 6
    own, other = at(summaries, "b", "attack", 0.5), at(summaries, "a", "attack", 0.5)
    assert own.delta == pytest.approx(own.auc - other.auc)
    assert own.delta_lo < own.delta < own.delta_hi


def test_names_keep_their_order():
    named = [point(value) for value in ("squared", "abs", "dot product")]
    assert [s.value for s in summaries_of(named, AXIS) if s.attack == "b"] == ["squared", "abs", "dot product"]


def test_points_are_measured_on_the_records_that_all_have():
    shuffled = np.random.default_rng(0).permutation(N)
    refused = np.delete(np.arange(N), [0, 1, 7])
    first, second = on_common_records([point(0.5, rows=shuffled), point(1.0, rows=refused)])
    assert first.ids.tolist() == second.ids.tolist() == IDS[refused].tolist()
    assert np.array_equal(first.labels, LABELS[refused])
    assert np.array_equal(first.groups, GROUPS[refused])
    assert np.array_equal(first.scores["a", "attack"], point(0.5).scores["a", "attack"][refused])
    assert np.array_equal(second.scores["a", "attack"], point(1.0).scores["a", "attack"][refused])
