"""What holds for every calibration by the base."""

import numpy as np
import pytest
from planted_difficulty import Difficulty, calibrated

from lit_mia.attacks.calibration import BaseDifference, BaseJoint, BaseRegression, BaseSignVote, Learning
from lit_mia.attacks.calibration.difference import difference
from lit_mia.attacks.statistics import CLiD, Loss, SimA, SubsetLoss
from lit_mia.errors import HeadError

FORMS = (BaseDifference, BaseRegression, BaseJoint, BaseSignVote)
every_form = pytest.mark.parametrize("form", FORMS)


@every_form
def test_what_is_asked_and_what_it_is_called(form):
    attack = form([Loss(t=[50, 100]), SimA(t=200)])
    assert attack.name == f"{form.form} (Loss, SimA)"
    assert [(statistic.name, setting) for statistic, setting in attack.asked] == [
        ("Loss", {"t": 50}),
        ("Loss", {"t": 100}),
        ("SimA", {"t": 200}),
    ]
    assert not attack.needs_captions
    assert form([Loss(), CLiD()]).needs_captions


@every_form
@pytest.mark.parametrize("statistics", [[], [Loss(t=1), Loss(t=2)]])
def test_statistics_that_are_missing_or_doubled_are_refused(form, statistics):
    with pytest.raises(HeadError, match="at least one statistic, and each once"):
        form(statistics)


def test_only_the_vote_reads_components():
    assert [form([SubsetLoss()]).reads_components for form in FORMS] == [False, False, False, True]


@pytest.mark.parametrize("form", [BaseRegression, BaseJoint])
def test_broken_pairing_leaves_what_is_fitted_the_plain_statistic(form, near):
    world = Difficulty()
    broken = world.drawn().broken()
    assert broken.auc(broken.by(form).scores) == pytest.approx(world.plain, abs=near)


def test_a_target_that_is_its_base_has_a_difference_of_exactly_0():
    base = Difficulty(columns=3, learned=100, tested=50).drawn().base
    assert (difference(base, base) == 0).all()


@every_form
@pytest.mark.parametrize("gained", [0.0, 0.25], ids=["equal", "shifted"])
def test_a_target_that_is_its_base_is_refused(form, gained):
    drawn = Difficulty(columns=3, learned=100, tested=50).drawn()
    with pytest.raises(HeadError, match=r"the target does not differ from its base.*no spread in any of 3 columns"):
        calibrated(form, drawn.base + gained, drawn.base, drawn.learning)


@every_form
def test_equal_up_to_the_rounding_of_single_precision_is_equal(form):
    drawn = Difficulty(columns=3, learned=100, tested=50).drawn()
    with pytest.raises(HeadError, match="does not differ"):
        calibrated(form, drawn.base.astype(np.float32).astype(np.float64), drawn.base, drawn.learning)


@every_form
def test_a_target_that_says_the_same_of_all_records_is_refused(form):
    drawn = Difficulty(learned=100, tested=50).drawn()
    with pytest.raises(HeadError, match="does not differ"):
        calibrated(form, np.ones_like(drawn.base), drawn.base, drawn.learning)


@every_form
def test_columns_that_do_not_differ_are_left_out_and_named(form):
    drawn = Difficulty(columns=4, learned=400, tested=50).drawn()
    target, base = drawn.target.copy(), drawn.base.copy()
    target[:, 1], target[:, 2] = base[:, 1], 7.0
    found = calibrated(form, target, base, drawn.learning)
    assert np.isfinite(found.scores).all()
    assert found.setting.endswith("no difference to the base in c1, c2")
    rest = calibrated(form, target[:, [0, 3]], base[:, [0, 3]], drawn.learning)
    np.testing.assert_array_equal(found.scores, rest.scores)


def test_components_that_are_left_out_are_named_once():
    drawn = Difficulty(columns=4, learned=400, tested=50).drawn()
    target = np.hstack([drawn.target[:, :1], drawn.base[:, 1:]])
    found = BaseSignVote([Loss()]).calibrate(target, drawn.base, ["a", "a", "b", "b"], drawn.learning)
    assert found.setting == "no difference to the base in b"


@every_form
@pytest.mark.parametrize("broken", [np.nan, np.inf])
@pytest.mark.parametrize("where", ["target", "base"])
def test_statistics_that_are_not_finite_are_refused(form, broken, where):
    drawn = Difficulty(columns=2, learned=100, tested=50).drawn()
    getattr(drawn, where)[130, 1] = broken
    with pytest.raises(HeadError, match="1 of 340 records of target and base have some that are NaN or infinite"):
        drawn.by(form)


@every_form
def test_a_base_with_independent_noise_is_at_chance(form, near):
    drawn = Difficulty(effect=0.0, columns=4).drawn(seed=1)
    assert abs(drawn.auc(drawn.by(form).scores) - 0.5) < near


@every_form
def test_what_a_member_gains_is_found_in_its_direction(form):
    for sign in (1, -1):
        drawn = Difficulty(effect=sign * 0.3, columns=4).drawn(seed=2)
        is_above = drawn.auc(drawn.by(form).scores) > 0.7
        assert is_above == (sign == 1 or form is BaseJoint), "only a head may learn which side is higher"


@every_form
def test_labels_and_statistics_of_other_rows_change_nothing(form):
    drawn = Difficulty(columns=3, learned=300, tested=200).drawn(seed=3)
    known, test = np.array(drawn.learning.known), np.array(drawn.test)
    found = drawn.by(form)
    target, base, labels = drawn.target.copy(), drawn.base.copy(), drawn.learning.labels.copy()
    target[test], base[test], labels[test] = 9 * target[test] + 5, -base[test], 1 - labels[test]
    again = calibrated(form, target, base, Learning(labels, drawn.learning.train, drawn.learning.val))
    np.testing.assert_array_equal(again.scores[known], found.scores[known])
    assert again.setting == found.setting


@every_form
def test_records_in_another_order_have_the_same_scores(form):
    drawn = Difficulty(columns=3, learned=300, tested=200).drawn(seed=4)
    order = np.random.default_rng(0).permutation(len(drawn.target))
    place = np.argsort(order)
    moved = Learning(
        drawn.learning.labels[order], place[drawn.learning.train].tolist(), place[drawn.learning.val].tolist()
    )
    found = calibrated(form, drawn.target[order], drawn.base[order], moved)
    np.testing.assert_allclose(found.scores, drawn.by(form).scores[order], rtol=1e-8, atol=1e-10)
