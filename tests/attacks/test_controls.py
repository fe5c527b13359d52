"""Controls: the same kind of head without the target, with the attack's own settings and budget."""

import inspect

import numpy as np
import pytest

from lit_mia.attacks import (
    AttackIII,
    AttackIIP,
    AttackIIS,
    AttackIP,
    AttackIS,
    AttackIV,
    BlindImage,
    BlindImageText,
    BlindPixels,
    BlindText,
)
from lit_mia.attacks.training import Budget, controls_of, same_training, train_seeds
from lit_mia.pair_batch import PairBatch

DECLARED = {
    AttackIP: {"blind": BlindPixels, "caption": BlindText},
    AttackIS: {"blind": BlindImage, "caption": BlindText},
    AttackIIP: {"blind": BlindPixels, "caption": BlindText},
    AttackIIS: {"blind": BlindImage, "caption": BlindText},
    AttackIII: {"blind": BlindText, "caption": BlindText},
    AttackIV: {"blind": BlindImageText, "caption": BlindText},
}
CONTROLS = [BlindPixels, BlindImage, BlindText, BlindImageText]
OWN = {"lr": 0.0123, "weight_decay": 0.045, "optimizer": "adamw"}
PIXEL = OWN | {"network": "resnet18", "pretrained": False}
SEMANTIC = OWN | {"widths": (9, 7), "dropout": 0.25}


@pytest.mark.parametrize("attack", DECLARED)
def test_each_attack_has_the_controls_that_it_has_to_beat(attack):
    assert {kind: type(control) for kind, control in controls_of(attack()).items()} == DECLARED[attack]


@pytest.mark.parametrize("attack", DECLARED)
def test_controls_share_every_setting_that_both_have(attack):
    own = attack(**(PIXEL if attack in (AttackIP, AttackIIP) else SEMANTIC))
    for control in controls_of(own).values():
        shared = control.hparams.keys() & own.hparams.keys() - {"init_from", "freeze_trunk"}
        assert shared >= OWN.keys()
        assert {name: control.hparams[name] for name in shared} == {name: own.hparams[name] for name in shared}


@pytest.mark.parametrize("attack", DECLARED)
def test_a_control_is_always_trained_from_scratch(attack):
    for control in controls_of(attack(init_from="elsewhere.ckpt", freeze_trunk=True)).values():
        assert control.hparams["init_from"] is None
        assert control.hparams["freeze_trunk"] is False


@pytest.mark.parametrize("control", CONTROLS)
def test_a_control_never_sees_an_answer_of_the_target(pairs, control):
    assert not {name for name in control.inputs if name.startswith("generated")}
    whole = pairs("reconstruction", 3).arrays.batch(range(6))
    record = {name: whole[name] for name in ("image", "image_embedding", "text_embedding")}
    head = control()
    head.build(whole)
    head.eval()
    scores = head.score(PairBatch(whole.row, whole.member, record))
    assert scores.shape == (6,)
    assert scores.tolist() == head.score(whole).tolist()


@pytest.mark.parametrize("attack", DECLARED)
def test_attacks_do_see_the_target(attack):
    assert {"generated", "generated_embedding"} & attack.inputs


def test_controls_are_trained_with_the_budget_and_the_seeds_of_the_attack(pairs):
    assert set(inspect.signature(train_seeds).parameters) == {"attack", "data", "budget", "checkpoint"}
    attack, data, budget = AttackIS(widths=(8, 4)), pairs("quality"), Budget(seeds=3, max_epochs=2, accelerator="cpu")
    for head in (attack, *controls_of(attack).values()):
        scores = train_seeds(head, data, budget)
        assert scores.shape == (3, len(data.table))
        assert len(np.unique(scores[:, 0])) == 3


def test_a_control_that_attacks_share_has_one_key():
    semantic = [AttackIS(lr=0.01), AttackIIS("cosine", lr=0.01), AttackIII(lr=0.01), AttackIV(lr=0.01)]
    assert len({same_training(controls_of(attack)["caption"]) for attack in semantic}) == 1
    assert same_training(controls_of(semantic[0])["blind"]) == same_training(controls_of(semantic[1])["blind"])
    assert same_training(controls_of(AttackIP())["blind"]) == same_training(controls_of(AttackIIP("signed"))["blind"])


def test_heads_that_are_trained_differently_have_different_keys():
    heads = [AttackIS(), AttackIS(lr=0.01), AttackIS(widths=(8,)), AttackIIS(), AttackIIS("abs"), BlindText()]
    heads.append(controls_of(AttackIP(lr=0.02))["caption"])  # at the learning rate of its CNN
    assert len({same_training(head) for head in heads}) == len(heads)
