"""Rates over people: hand-worked values, coverage of intervals, and tests of trend."""

import numpy as np
import pytest
from scipy.stats import page_trend_test

from lit_mia.attacks.identity import IdentityInference, Reading
from lit_mia.errors import MetricError
from lit_mia.metrics.identity import (
    IdentityEvidence,
    Rate,
    decide_identity,
    mean_over_people,
    null_bound,
    rate,
    recognised,
    trend_with_images,
    trend_with_occurrences,
    within_null,
)
from lit_mia.metrics.threshold import clopper_pearson


def test_the_share_of_draws_is_the_unit():
    correct = np.array([[0, 1, 2, 21], [0, 0, 0, 1]])
    assert recognised(correct, 1).tolist() == [0.75, 0.25]
    assert recognised(correct, 11).tolist() == [0.25, 0.0]
    assert rate(recognised(correct, 1)).value == 0.5


def test_all_or_nobody_has_an_exact_interval():
    assert rate(np.zeros(100)) == Rate(0.0, *clopper_pearson(0, 100), 100)
    assert rate(np.ones(20)).lo == pytest.approx(0.8316, abs=1e-3)


def test_intervals_cover_the_true_rate_over_people_not_over_draws():
    rng, covered = np.random.default_rng(0), 0
    for trial in range(200):
        people = rng.random(60) < 0.3
        shares = np.where(people, 0.9, 0.1)  # 20 draws of the same person agree
        found = rate(shares, replicates=400, seed=trial)
        covered += found.lo <= 0.34 <= found.hi
    assert 178 <= covered <= 200


def test_intervals_cover_rare_hits_although_draws_differ():
    """Most samples hold nobody who is recognised; one draw in 20 of anybody must not make the interval degenerate."""
    rng, covered = np.random.default_rng(0), 0
    for trial in range(200):
        shares = np.where(rng.random(100) < 0.01, 0.9, 0.0)
        shares[0] = max(shares[0], 0.05)
        found = rate(shares, replicates=200, seed=trial)
        covered += found.lo <= 0.01 <= found.hi
    assert covered >= 190
    nearly = rate([0.05] + [0.0] * 99)
    assert nearly.lo == 0
    assert nearly.hi >= clopper_pearson(1, 100).hi
    assert rate([1.0] * 19 + [0.95]).lo <= clopper_pearson(19, 20).lo
    assert rate([0.1] * 30).hi == clopper_pearson(3, 30).hi  # 0.1 added 30 times is not quite 3


def test_the_interval_of_a_mean_is_that_of_people():
    values = np.r_[np.ones(50), np.zeros(50)]
    found = mean_over_people(values)
    assert (found.hi - found.lo) / 2 == pytest.approx(1.96 * 0.05, rel=0.1)
    assert found.people == 100


def test_the_bound_of_chance():
    assert null_bound(21, 1, 1000) == 0.021
    assert null_bound(21, 2, 1000) == 0.010
    assert null_bound(21, 11, 1000) == 0.001
    assert within_null(Rate(0.05, 0.021, 0.1, 100), 0.021)
    assert not within_null(Rate(0.05, 0.022, 0.1, 100), 0.021)


def test_the_bound_holds_for_exchangeable_names():
    """Names drawn anew for each person are recognised E[D] / M of the time, whatever the predictions."""
    rng = np.random.default_rng(0)
    modes = np.stack([rng.choice(50, 21, replace=rng.random() < 0.5) for _ in range(3000)])
    called = [true in row for true, row in zip(rng.integers(50, size=3000), modes, strict=True)]
    expected = np.mean([len(set(row)) for row in modes.tolist()]) / 50
    assert np.mean(called) == pytest.approx(expected, abs=0.03)
    assert expected <= null_bound(21, 1, 50)


def test_trends_are_found_only_where_there_are_any():
    rng = np.random.default_rng(0)
    rising = (rng.random((40, 8)) < np.linspace(0.2, 0.9, 8)).astype(float)
    assert trend_with_images(rising) < 0.001
    assert trend_with_images(rising[:, ::-1]) > 0.9
    assert np.mean([trend_with_images(rng.random((20, 5)) < 0.5) < 0.05 for _ in range(200)]) < 0.1
    counts = np.repeat([1, 2, 5, 10], 15)
    assert trend_with_occurrences(counts, rng.random(60) < counts / 10) < 0.001
    assert trend_with_occurrences(counts, np.ones(60)) is None
    assert trend_with_images(rising[:, :2]) is None


def test_random_names_show_no_trend_with_images():
    """Draws of a person are nested and two random templates skew the slopes of people."""
    attack = IdentityInference(("{0}", "a photo of {0}"), thresholds=(1,), images=(1, 3, 5, 7, 9, 11), draws=10)
    rng, found, of_ranks = np.random.default_rng(0), [], []
    for _ in range(60):
        people = [Reading(rng.integers(2, size=(12, 2)), np.zeros((12, 2), np.float32)) for _ in range(30)]
        counts = [attack.recognise(reading, str(row), 1).correct for row, reading in enumerate(people)]
        found.append(trend_with_images(recognised(counts, 1)))
        of_ranks.append(page_trend_test(recognised(counts, 1), method="asymptotic").pvalue)
    assert np.mean(np.array(found) < 0.05) <= 0.1
    assert np.mean(np.array(of_ranks) < 0.05) > 0.2  # a test within people that takes each n as new


def test_a_trend_with_images_within_few_people_is_found():
    rng = np.random.default_rng(0)
    attack = IdentityInference(("{0}",), thresholds=(1,), images=(1, 3, 5, 7, 9, 11), draws=10)
    people = [Reading((rng.random((12, 1)) < 0.75).astype(int), np.zeros((12, 1), "f")) for _ in range(30)]
    shares = recognised([attack.recognise(reading, str(row), 1).correct for row, reading in enumerate(people)], 1)
    assert trend_with_images(shares) < 0.01
    assert trend_with_images([[0, 0, 1]] * 4 + [[1, 1, 1]]) >= 0.5**4
    assert trend_with_images([[0, 0.5, 1]] * 3) == 0.5**3
    assert trend_with_images([[1, 1, 1]] * 9) is None


def test_a_rate_of_nobody_is_refused():
    with pytest.raises(MetricError, match="at least one person"):
        rate([])


HIGH, LOW, WIDE = Rate(0.8, 0.7, 0.9, 100), Rate(0.0, 0.0, 0.04, 100), Rate(0.05, 0.01, 0.1, 20)


def evidence(tpr=HIGH, fpr=LOW, controls=None):
    return IdentityEvidence(tpr, fpr, 0.021, 30, 1, 21, 1000, controls or {"untrained": True}, ("permuted names",))


@pytest.mark.parametrize(
    ("given", "design", "kind"),
    [
        (evidence(), "randomized_split", "identities recognised beyond controls"),
        (evidence(), "post_hoc", "not evidence (post hoc design)"),
        (evidence(controls={"people never trained on": True}), "canary", "not evidence (no control model)"),
        (evidence(fpr=None), "canary", "not evidence (no group that was never trained on)"),
        (evidence(controls={"untrained": False}), "canary", "confounded"),
        (evidence(tpr=WIDE), "canary", "not detected at this power"),
        (evidence(fpr=HIGH), "canary", "not detected at this power"),
        (evidence(tpr=None), "canary", "not measured (no known members)"),
    ],
)
def test_the_verdict_follows_its_rule(given, design, kind):
    assert decide_identity(given, design).kind == kind


def test_the_sentence_names_everything_that_qualifies_it():
    sentence = decide_identity(evidence(controls={"untrained": True, "x": True}), "canary").sentence
    for part in (
        "100 people",
        "80.0\u00a0% [95\u00a0% interval 70.0 to 90.0]",
        "n = 30",
        "at least 1 of 21",
        "1000 names",
    ):
        assert part in sentence
    assert "0.0\u00a0% [95\u00a0% interval 0.0 to 4.0]" in sentence
    assert "at most 2.1\u00a0%" in sentence
    assert "Controls passed: untrained, x. Controls not run: permuted names." in sentence
