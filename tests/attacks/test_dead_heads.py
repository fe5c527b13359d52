"""A head that learned nothing is an error, not a null."""

import lightning as L
import numpy as np
import pytest

from lit_mia.attacks import AttackIIS, Budget, FixedBudget, check_varies, train_seeds
from lit_mia.errors import HeadError


@pytest.mark.parametrize(
    ("scores", "said"),
    [
        ([[1.0, 1.0, 1.0]], r"The scores of II-S are the same for all 2 records of calibration, so"),
        ([[5.0, 1.0, 1.0]], r"The scores of II-S are the same for all 2 records of calibration, so"),
        ([[1.0, 2.0, 3.0], [0.0, 0.0, 0.0]], r"are the same for all 2 records of calibration \(seed 1 of 2\)"),
        ([[1.0, np.nan, 3.0]], r"are not all finite"),
        ([[1.0, 2.0, 3.0], [np.inf, 0.0, 0.0]], r"are not all finite \(seed 1 of 2\).*Do this"),
    ],
)
def test_scores_without_differences_or_numbers_are_refused(scores, said):
    with pytest.raises(HeadError, match=said):
        check_varies("II-S", np.array(scores), [1, 2], "Do this.")


def test_scores_that_differ_are_taken():
    check_varies("II-S", np.array([[0.0, 1.0], [1e-9, 2e-9]]), range(2), "")


@pytest.mark.parametrize("settings", [{"seeds": 0}, {"max_epochs": 0}, {"max_epochs": -1}, {"devices": 0}])
def test_a_budget_that_trains_nothing_is_refused(settings):
    with pytest.raises(HeadError, match=f"`{next(iter(settings))}` must be at least 1"):
        Budget(**settings)


@pytest.mark.parametrize("settings", [{"seeds": 0, "steps": 1}, {"seeds": 1, "steps": 0}])
def test_so_is_a_fixed_one(settings):
    with pytest.raises(HeadError, match="must be at least 1, but got 0"):
        FixedBudget(**settings)


def test_a_fit_without_a_step_is_refused(pairs):
    trainer = L.Trainer(max_epochs=0, accelerator="cpu", logger=False, enable_checkpointing=False)
    with pytest.raises(HeadError, match="II-S was not trained at all: max_epochs is 0"):
        trainer.fit(AttackIIS(), datamodule=pairs())


def test_a_head_that_diverges_is_refused(pairs):
    with pytest.raises(
        HeadError, match=r"The loss of II-S became (nan|inf) in epoch \d+: the head diverged\. Lower `lr`"
    ):
        train_seeds(AttackIIS(lr=1e9, optimizer="sgd"), pairs("reconstruction"), Budget(seeds=1, accelerator="cpu"))
