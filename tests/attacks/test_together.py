"""Heads that are trained without a Trainer are those that Lightning's Trainer makes of each alone."""

import copy
from functools import partial

import numpy as np
import pytest
import torch
from planted_pairs import SIDE, D, PlantedPairs

from lit_mia.attacks import (
    AttackIII,
    AttackIIP,
    AttackIIS,
    AttackIP,
    AttackIS,
    AttackIV,
    BlindImage,
    BlindJoint,
    BlindText,
    EachAlone,
    material,
    training,
)
from lit_mia.attacks.budgets import Budget, FixedBudget
from lit_mia.attacks.material import fits_singly, fits_together
from lit_mia.attacks.pixel import BlindPixels
from lit_mia.attacks.threads import go_on, on_threads
from lit_mia.attacks.training import fit_head, quiet, score_all, train_batch, train_seeds
from lit_mia.errors import HeadError

SMALL = {"widths": (24, 12), "lr": 5e-3}
STOPPING = Budget(seeds=2, max_epochs=9, patience=2, accelerator="cpu")
CASES = [
    (AttackIS(**SMALL), 1, STOPPING),
    (AttackIIS(**SMALL, optimizer="sgd"), 3, STOPPING),
    (AttackIIS(**SMALL), 1, Budget(2, 9, 0, accelerator="cpu")),
    (AttackIV(**SMALL, optimizer="adamw", weight_decay=0.05), 1, STOPPING),
    (BlindText(**SMALL, weight_decay=0.01), 1, Budget(2, 9, 2, "val/auc", "cpu")),
    (BlindJoint(widths=(8,), dropout=0.2), 1, STOPPING),
    (BlindImage(widths=(16, 8, 4), dropout=0.0, lr=5e-3), 1, STOPPING),
    (AttackIIS("l2", widths=()), 2, FixedBudget(2, 9, "cpu")),
    (AttackIIS(**SMALL), 2, FixedBudget(2, 9, "cpu")),
    (AttackIIP(lr=5e-3), 1, Budget(2, 4, 0, accelerator="cpu")),
    (AttackIP(optimizer="sgd", lr=0.01), 2, Budget(2, 3, 2, "val/auc", "cpu")),
    (BlindPixels(freeze_trunk=True), 1, Budget(2, 3, 2, accelerator="cpu")),
    (AttackIIP(weight_decay=0.01), 1, FixedBudget(2, 5, "cpu")),
]


def alone(head, data, budget):
    """Scores of a Trainer for every seed."""
    scores = []
    for seed in range(budget.seeds):
        one = copy.deepcopy(head)
        with quiet():
            fit_head(one, data, budget, seed)
        scores.append(score_all(one, data))
    return np.stack(scores)


def assert_equal(one, other):
    """To 10⁻⁴ of the spread of a head's scores, after a whole fit."""
    np.testing.assert_array_less(np.abs(one - other).max(axis=1), 1e-4 * other.std(axis=1))


@pytest.mark.parametrize(("head", "k", "budget"), CASES, ids=lambda case: getattr(case, "name", None))
def test_every_seed_scores_as_one_of_a_trainer_does(head, k, budget):
    data = PlantedPairs("reconstruction", k, batch_size=199 if k == 2 else 64)  # 199: without the last of 200 records
    together = train_seeds(head, data, budget)
    assert together.shape == (2, len(data.table))
    assert_equal(together, alone(head, data, budget))


def test_heads_stop_at_their_own_epochs_and_labels_make_no_difference_to_others():
    data, head = PlantedPairs("reconstruction"), AttackIIS(widths=(24, 12), lr=0.02)
    budget = Budget(max_epochs=9, patience=2, accelerator="cpu")
    rng, own = np.random.default_rng(0), data.arrays.member
    labels = np.stack([own, *(rng.permutation(own) for _ in range(3)), own])
    seeds = [1, 1, 0, 1, 0]
    together = train_batch(head, data, budget, seeds, labels)
    assert_equal(together[[4, 0]], alone(head, data, STOPPING))
    for number, (seed, of_copy) in enumerate(zip(seeds, labels, strict=True)):
        assert_equal(train_batch(head, data, budget, [seed], of_copy[None]), together[[number]])
    data.arrays.member[:] = labels[2]
    assert_equal(together[[2]], alone(head, data, Budget(1, 9, 2, accelerator="cpu")))


def test_many_copies_are_trained_in_parts(pairs, monkeypatch):
    data, head, budget = pairs("quality"), AttackIS(**SMALL), FixedBudget(1, 4, "cpu")
    whole = train_batch(head, data, budget, range(5))
    monkeypatch.setattr(training, "TOGETHER", 2)
    assert_equal(train_batch(head, data, budget, range(5)), whole)


def test_labels_of_other_heads_are_refused(pairs):
    with pytest.raises(HeadError, match=r"Labels are needed of 620 records for each of 2 heads.*\(3, 620\)"):
        train_batch(AttackIS(), pairs(), FixedBudget(1, 1, "cpu"), [0, 1], np.zeros((3, 620), dtype=np.int64))


@pytest.mark.parametrize("frozen", [False, True])
def test_heads_go_on_from_a_trained_one(tmp_path, frozen):
    start, data = tmp_path / "II-S.ckpt", PlantedPairs("reconstruction")
    train_seeds(AttackIIS(**SMALL), PlantedPairs("reconstruction", seed=1), STOPPING, start)
    head = AttackIIS(**SMALL, init_from=str(start), freeze_trunk=frozen)
    assert_equal(train_seeds(head, data, STOPPING), alone(head, data, STOPPING))


def test_the_checkpoint_of_seed_0_holds_what_that_of_a_trainer_does(pairs, tmp_path):
    head, data = AttackIIS(**SMALL), pairs("reconstruction")
    train_seeds(head, data, STOPPING, tmp_path / "together.ckpt")
    with quiet():
        fit_head(copy.deepcopy(head), data, STOPPING, 0).save_checkpoint(tmp_path / "alone.ckpt")
    together, own = (torch.load(tmp_path / f"{name}.ckpt", weights_only=True) for name in ("together", "alone"))
    assert together.keys() == own.keys()
    for key in ("head", "learned", "hyper_parameters", "hparams_name"):
        assert together[key] == own[key]
    assert together["state_dict"].keys() == own["state_dict"].keys()
    for name, tensor in own["state_dict"].items():
        torch.testing.assert_close(together["state_dict"][name], tensor, rtol=1e-4, atol=1e-5)
    for side, scores in own["calibration"].items():
        np.testing.assert_allclose(together["calibration"][side], scores, rtol=1e-4, atol=1e-5)


def test_other_networks_and_trainings_of_their_own_are_left_to_the_trainer(pairs, monkeypatch):
    class OwnLoss(BlindImage):
        def training_step(self, batch, batch_idx):
            return self(batch).square().mean()

    class OwnNetwork(BlindImage):
        def build_trunk(self, shape):
            return torch.nn.Linear(*shape, 4), 4

    data = pairs()
    assert fits_together(BlindImage(), data)
    assert not fits_together(OwnNetwork(), data)
    assert fits_singly(OwnNetwork(), data)
    assert not fits_together(OwnLoss(), data)
    assert not fits_together(AttackIIP(), data)
    assert fits_singly(AttackIIP(), data)
    assert not fits_singly(OwnLoss(), data)
    assert not fits_singly(BlindImage(), data)  # it drops units
    monkeypatch.setattr(material, "MOST_NUMBERS", 200 * D - 1)
    assert not fits_together(BlindImage(), data)
    monkeypatch.setattr(material, "MOST_OF_A_FIT", 200 * 3 * SIDE**2 - 1)
    assert not fits_singly(AttackIIP(), data)


def test_several_heads_at_a_time_score_as_each_alone():
    first, second = PlantedPairs("reconstruction"), PlantedPairs("quality", seed=1)
    heads = [(head(**SMALL), data) for head in (AttackIIS, AttackIS, AttackIII) for data in (first, second)]
    threads = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        learner = EachAlone()
        learner.ahead([*heads, heads[0], (AttackIIP(), first)], STOPPING)
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(threads)
    assert len(learner._trained) == len(heads) + 1
    for head, data in [*heads, (AttackIIP(), first)]:
        assert_equal(learner.network(head, data, STOPPING), train_seeds(head, data, STOPPING))
    assert not learner._trained


def test_an_error_ends_the_other_jobs_at_their_next_step():
    def steps():
        while True:
            go_on()

    def fails():
        raise HeadError("diverged")

    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        with pytest.raises(HeadError, match="diverged"):
            on_threads([fails, steps, partial(int, 1)], torch.device("cpu"))
    finally:
        torch.set_num_threads(threads)
    go_on()  # outside of a job it does nothing
