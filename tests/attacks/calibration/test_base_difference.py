"""The plain difference: its closed form, and the choice among columns."""

import numpy as np
import pytest
from planted_difficulty import Difficulty, calibrated

from lit_mia.attacks.calibration import BaseDifference


@pytest.mark.parametrize(
    ("slope", "plain", "subtracted"),
    [(1.0, 0.556, 0.748), (0.8, 0.569, 0.686), (0.3, 0.664, 0.577)],
)
def test_a_planted_difficulty_gives_the_aucs_of_the_closed_forms(slope, plain, subtracted, near):
    world = Difficulty(slope=slope)
    assert (world.plain, world.subtracted) == pytest.approx((plain, subtracted), abs=0.001)
    drawn = world.drawn()
    assert drawn.auc(drawn.target[:, 0]) == pytest.approx(world.plain, abs=near)
    assert drawn.auc(drawn.by(BaseDifference).scores) == pytest.approx(world.subtracted, abs=near)


def test_broken_pairing_is_seen(near):
    world = Difficulty()
    broken = world.drawn().broken()
    expected = world.auc_of(2 * (1 + world.noise**2))
    assert expected < world.plain < world.subtracted
    assert broken.auc(broken.by(BaseDifference).scores) == pytest.approx(expected, abs=near)


def test_the_column_is_that_of_the_largest_auc_on_train_and_val():
    drawn = Difficulty(columns=3, learned=500, tested=500).drawn()
    target, test = drawn.target.copy(), list(drawn.test)
    target[drawn.learning.known, 1] += 0.2 * drawn.learning.labels[drawn.learning.known]
    target[test, 2] += drawn.learning.labels[test]  # the best on test, which nobody asks
    found = calibrated(BaseDifference, target, drawn.base, drawn.learning)
    assert found.setting == "c1"
    np.testing.assert_array_equal(found.scores, target[:, 1] - drawn.base[:, 1])
