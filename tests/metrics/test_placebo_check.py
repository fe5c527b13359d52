"""Placebos that answer as well as the target, worse, or too few questions to tell."""

import numpy as np
import pytest
from scipy.stats import ttest_rel

from lit_mia.errors import MetricError
from lit_mia.metrics.placebo import MOST_GAP, placebo_check
from lit_mia.metrics.shift import SHIFT

RNG = np.random.default_rng(0)
N = 356


def similarities(rng, gap=0.0, n=N, noise=0.6):
    """Of a target, with a deviation of 1, and of a placebo whose answers are less alike by `gap`."""
    shared = rng.normal(size=n) * np.sqrt(1 - noise**2)
    target, placebo = (shared + noise * rng.normal(size=n) for _ in range(2))
    return target, placebo - gap


def each(n):
    return np.arange(n).astype(str)


def test_the_bound_is_that_of_a_paired_t_test():
    target, placebo = similarities(np.random.default_rng(1), gap=0.1)
    check = placebo_check(target, placebo, each(N))
    deviation = target.std(ddof=1)
    interval = ttest_rel(target / deviation, placebo / deviation, alternative="less").confidence_interval(0.95)
    assert check.gap == pytest.approx((target - placebo).mean() / deviation, abs=1e-12)
    assert check.gap_hi == pytest.approx(interval.high, abs=1e-12)


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_units_do_not_matter(scale):
    target, placebo = similarities(np.random.default_rng(2))
    one = placebo_check(target, placebo, each(N))
    other = placebo_check(5 + scale * target, 5 + scale * placebo, each(N))
    assert other.gap_hi == pytest.approx(one.gap_hi, rel=1e-6)
    assert (one.valid, other.valid) == (True, True)


def test_a_weak_placebo_is_found_and_one_as_good_is_valid():
    rng = np.random.default_rng(3)
    weak = [placebo_check(*similarities(rng, gap=0.5), each(N)).valid for _ in range(200)]
    equal = [placebo_check(*similarities(rng), each(N)).valid for _ in range(200)]
    better = placebo_check(*similarities(rng, gap=-2), each(N))
    assert (sum(weak), sum(equal), better.valid) == (0, 200, True)
    assert better.gap == pytest.approx(-2, abs=0.3)
    assert "more like the records" in better.sentence


def test_at_the_allowed_gap_five_percent_pass():
    rng = np.random.default_rng(4)
    passed = np.mean([placebo_check(*similarities(rng, gap=MOST_GAP), each(N)).valid for _ in range(2000)])
    assert passed == pytest.approx(0.05, abs=0.02)  # the target's deviation is estimated too


def gains(rng, target, placebo, n=N):
    """What a target and a placebo gained over the base, in standard deviations of it."""
    of_target, of_placebo = similarities(rng, n=n, noise=0.4)
    return target + of_target, placebo + of_placebo


@pytest.mark.parametrize(
    ("target", "placebo", "valid", "says"),
    [
        (1.5, 1.5, True, "the target did (by the 95 % bound at most"),
        (1.5, 2.5, True, "more over the base than"),
        (1.5, 0.0, False, "less over the base than the target did"),  # hardly more than the base
        (1.5, 0.9, False, "too weak"),
        (0.0, 0.0, False, "the target gained"),  # the base would pass too: members may be of another domain
        (-1.0, -1.0, False, "so a model that learned nothing would pass too."),
    ],
)
def test_a_placebo_of_what_reads_the_base_has_to_have_learned_what_the_target_did(target, placebo, valid, says):
    rng = np.random.default_rng(9)
    checks = [placebo_check(*gains(rng, target, placebo), each(N), gained=True) for _ in range(50)]
    assert sum(check.valid == valid for check in checks) >= 48
    assert sum(says in check.sentence for check in checks) >= 48


@pytest.mark.parametrize("learned", [0.0, 0.1, 0.2, 0.3, 1.0])
def test_a_placebo_that_learned_nothing_hardly_ever_passes_whatever_the_target_learned(learned):
    rng = np.random.default_rng(10)
    passed = [placebo_check(*gains(rng, learned, 0.0), each(N), gained=True).valid for _ in range(500)]
    assert np.mean(passed) <= 0.05


@pytest.mark.parametrize(("share", "most"), [(0.5, 0.0), (1 / SHIFT, 0.05)])
def test_a_placebo_that_learned_less_than_the_rule_makes_up_for_hardly_ever_passes(share, most):
    rng, many = np.random.default_rng(11), 2000  # so many that 0.2 standard deviations would be seen to be kept
    checks = [placebo_check(*gains(rng, 0.3, share * 0.3, many), each(many), gained=True) for _ in range(1000)]
    assert np.mean([check.valid for check in checks]) <= most + 0.02
    assert np.mean([check.gap_hi is not None and check.gap_hi < MOST_GAP for check in checks]) > 0.95


def test_the_group_is_the_unit():
    """Twins that share their noise count once: the bound is that of the groups' means."""
    target, placebo = similarities(np.random.default_rng(5), n=40)
    alone = placebo_check(target, placebo, each(40))
    twins = placebo_check(target.repeat(5), placebo.repeat(5), each(40).repeat(5))
    assert twins.gap_hi - twins.gap == pytest.approx(alone.gap_hi - alone.gap, rel=0.02)
    assert twins.gap_hi - twins.gap > 2 * (lambda c: c.gap_hi - c.gap)(
        placebo_check(target.repeat(5), placebo.repeat(5), each(200))
    )


@pytest.mark.parametrize("n", [0, 1, 2, 9])
def test_few_groups_say_nothing(n):
    target, placebo = similarities(np.random.default_rng(6), n=n)
    check = placebo_check(target, placebo, each(n))
    assert (check.valid, check.gap, check.gap_hi) == (False, None, None)
    assert f"cannot be said: test holds {n} groups of non-members" in check.sentence


def test_many_records_of_few_groups_say_nothing():
    target, placebo = similarities(np.random.default_rng(7), n=90)
    assert "cannot be said: test holds 9 groups" in placebo_check(target, placebo, each(9).repeat(10)).sentence


@pytest.mark.parametrize("value", [0.0, 0.1, 1e9])
def test_a_constant_says_nothing(value):
    check = placebo_check(np.full(N, value), RNG.normal(size=N), each(N))
    assert (check.valid, check.gap) == (False, None)
    assert "equally like every non-member" in check.sentence


def test_equal_answers_are_of_the_same_model():
    target, _ = similarities(np.random.default_rng(8))
    check = placebo_check(target, target.copy(), each(N))
    assert not check.valid
    assert "the same model" in check.sentence


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_what_is_not_finite_is_refused(bad):
    values = RNG.normal(size=N)
    broken = np.where(np.arange(N) == 3, bad, values)
    for pair in ((values, broken), (broken, values)):
        with pytest.raises(MetricError, match="must be finite"):
            placebo_check(*pair, each(N))
    with pytest.raises(MetricError, match="one similarity of each model per record"):
        placebo_check(values, values[:-1], each(N))
