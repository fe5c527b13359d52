"""How long heads of an audit and of an ablation are trained."""

import numpy as np
import pytest
from planted_pairs import PlantedPairs

from lit_mia.attacks import AttackIIS
from lit_mia.attacks.budgets import Budget, FixedBudget
from lit_mia.attacks.training import fit_head, quiet, train_seeds


def fitted(budget, data, seed=0):
    head = AttackIIS(widths=(8, 4), lr=1.0e-2)
    with quiet():
        return head, fit_head(head, data, budget, seed)


@pytest.mark.parametrize("steps", [1, 7])  # 4 steps are an epoch
def test_a_fixed_budget_is_a_number_of_steps_that_never_looks_at_val(steps):
    head, trainer = fitted(FixedBudget(1, steps, "cpu"), PlantedPairs())
    assert trainer.global_step == steps
    assert head.calibration == {}
    assert "val/loss" not in trainer.callback_metrics


def test_a_budget_of_epochs_looks_at_val():
    head, trainer = fitted(Budget(1, 3, 99, accelerator="cpu"), PlantedPairs())
    assert trainer.global_step == 3 * 4
    assert head.calibration["members"]
    assert "val/loss" in trainer.callback_metrics


def test_val_does_not_move_what_a_fixed_budget_trains():
    scores = []
    for changed in (False, True):
        data = PlantedPairs("reconstruction")
        if changed:
            data.arrays.member[[*data.rows["val"]]] ^= 1
        scores.append(train_seeds(AttackIIS(widths=(8, 4), lr=1.0e-2), data, FixedBudget(2, 5, "cpu")))
    assert scores[0].shape == (2, len(PlantedPairs().table))
    assert np.array_equal(*scores)
