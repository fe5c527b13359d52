"""What a design can show, said before it is made."""

import math

import pytest
from designed import Settings, plan_of

from lit_mia.designs import Canaries
from lit_mia.designs.outlook import check_size, outlook, told
from lit_mia.errors import DesignError
from lit_mia.metrics.auc import mde_auc


def test_sizes_are_those_that_are_expected():
    expected = outlook(1000, 0.5)
    assert (expected.included, expected.held_out) == (500, 500)
    assert expected.auc == mde_auc(500, 500)
    assert expected.auc_test == mde_auc(200, 200)
    assert expected.fpr_floor == 0.02
    assert outlook(1000, 0.9).fpr_floor == pytest.approx(0.1)
    assert outlook(4, 0.5).auc_test == mde_auc(1, 1)
    assert outlook(2, 0.5).auc_test is None


@pytest.mark.parametrize(("groups", "epsilon"), [(40, 2.55), (1000, 5.81), (2, 0.0)])
def test_the_ceiling_is_what_right_guesses_alone_would_show(groups, epsilon):
    found = outlook(groups, 0.5).epsilon
    assert found == pytest.approx(epsilon, abs=0.01)
    if found:
        right = math.exp(found) / (1 + math.exp(found))
        assert right**groups == pytest.approx(0.05), "so many right guesses would be seen at this ε in 5 %"


def test_a_bound_is_offered_for_fair_coins_only():
    assert outlook(1000, 0.6).epsilon is None
    assert "not offered at include 0.6, only at 0.5" in told(
        plan_of(80, settings=Settings(0.6, "imagefolder", None)).manifest
    )


def test_all_is_said():
    canaries = Canaries(kinds=("synthetic",), copies=(1, 4), per_tier=5, budget=0.4)
    said = told(plan_of(80, settings=Settings(0.5, "imagefolder", canaries)).manifest)
    assert "80 records in 80 groups" in said
    assert f"80 % power: {mde_auc(40, 40):.3f}; on the 40 % that heads are tested on: {mde_auc(16, 16):.3f}" in said
    assert "(10/n0): 25.00%" in said
    assert f"by those that an audit makes on test: {outlook(16, 0.5).epsilon:.2f}" in said  # half of 40 % of 80
    assert "5 in the tier of 1, 5 in the tier of 4; 100 are never inserted." in said
    assert "more than one copy voids a bound for one record" in said


def test_a_side_that_is_too_small_is_refused_unless_allowed():
    with pytest.raises(
        DesignError, match=r"Groups of images that differ: 39, .* 19\.5 are expected .* 40 groups are needed"
    ):
        check_size(plan_of(39).manifest, allow_small=False)
    check_size(plan_of(39).manifest, allow_small=True)
    check_size(plan_of(40).manifest, allow_small=False)
    check_size(plan_of(200, settings=Settings(0.9, "imagefolder", None)).manifest, allow_small=False)
    with pytest.raises(DesignError, match="200 groups are needed"):
        check_size(plan_of(150, settings=Settings(0.9, "imagefolder", None)).manifest, allow_small=False)


def test_one_group_and_one_side_are_never_allowed():
    with pytest.raises(DesignError, match="Groups of images that differ: 1,"):
        check_size(plan_of(1).manifest, allow_small=True)
    seed = next(str(s) for s in range(99) if len({e.included for e in plan_of(2, seed=str(s)).manifest.entries}) == 1)
    with pytest.raises(DesignError, match="fell on one side"):
        check_size(plan_of(2, seed=seed).manifest, allow_small=True)
