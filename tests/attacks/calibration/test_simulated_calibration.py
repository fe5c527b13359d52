"""What calibration finds and where it is wrong: the short form of scripts/simulate_calibration.py."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[3] / "scripts"))
from simulate_calibration import DOMAIN, FORMS, LEAKS, NOTHING, simulated, squared

pytestmark = pytest.mark.slow

NAMES = [form.form for form in FORMS]


def test_where_nothing_leaks_no_form_sees_a_leak():
    for name, one in simulated(NOTHING, datasets=20, seed=1).items():
        assert one.found <= 5, name  # fewer than 1 of 1,000 would be above, at a rate of 5 %
        assert one.auc == pytest.approx(0.5, abs=0.02), name


def test_a_leak_is_found_and_best_by_a_fitted_slope():
    found = simulated(LEAKS[-1], datasets=5, seed=1)
    assert [found[name].found for name in NAMES[:3]] == [5, 5, 5]
    plain, difference, regression, joint = (found[name].auc for name in ("best plain statistic", *NAMES[:3]))
    assert difference + 0.05 < plain < regression - 0.03 < joint - 0.06


def test_learning_a_domain_is_flagged_by_every_form_and_by_the_placebo_alike():
    found, placebo = (simulated(DOMAIN, datasets=5, seed=1, of_placebo=one) for one in (False, True))
    assert {name: found[name].found for name in NAMES} == dict.fromkeys(NAMES, 5)
    assert [found[name].auc for name in NAMES] == pytest.approx([placebo[name].auc for name in NAMES], abs=0.05)
    assert found["head on the base alone"].auc == pytest.approx(0.5, abs=0.05)


def test_a_square_fitted_on_test_sees_a_leak_where_there_is_none():
    on_test, on_train = squared(datasets=60, seed=1).values()
    assert on_test.auc > 0.515
    assert on_train.auc == pytest.approx(0.5, abs=0.012)
