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
    BlindJoint,
    BlindPixels,
    BlindText,
    ResidualHead,
)
from lit_mia.attacks.budgets import Budget
from lit_mia.attacks.controls import controls_of, counterpart, record_controls, unequal
from lit_mia.attacks.training import same_training, train_seeds
from lit_mia.pair_batch import PairBatch

DECLARED = {
    AttackIP: BlindPixels,
    AttackIS: BlindImage,
    AttackIIP: BlindPixels,
    AttackIIS: BlindImage,
    AttackIII: BlindText,
    AttackIV: BlindImageText,
}
OF_CAPTIONS = {"caption": BlindText, "joint": BlindJoint}
CONTROLS = [BlindPixels, BlindImage, BlindText, BlindImageText, BlindJoint]
OWN = {"lr": 0.0123, "weight_decay": 0.045, "optimizer": "adamw"}
PIXEL = OWN | {"network": "resnet18", "pretrained": False}
SEMANTIC = OWN | {"widths": (9, 7), "dropout": 0.25}


def types_of(attack, captioned):
    return {kind: type(control) for kind, control in controls_of(attack, captioned).items()}


@pytest.mark.parametrize("attack", DECLARED)
def test_each_attack_has_the_controls_that_it_has_to_beat(attack):
    assert types_of(attack(), captioned=True) == {"blind": DECLARED[attack]} | OF_CAPTIONS
    assert types_of(attack(), captioned=False) == {"blind": DECLARED[attack]}


def test_statistics_have_those_of_captions_too():
    assert types_of(ResidualHead(lr=0.5), captioned=True).keys() == {"blind", "caption", "joint"}
    assert {control.hparams["lr"] for control in controls_of(ResidualHead(lr=0.5), captioned=True).values()} == {0.5}


def test_only_what_is_given_captions_has_the_control_of_their_characters():
    assert [control.name for control in record_controls(captioned=True)] == ["n-grams", "metadata"]
    assert [control.name for control in record_controls(captioned=False)] == ["metadata"]


@pytest.mark.parametrize("attack", DECLARED)
def test_controls_share_every_setting_that_both_have(attack):
    own = attack(**(PIXEL if attack in (AttackIP, AttackIIP) else SEMANTIC))
    for control in controls_of(own, captioned=True).values():
        shared = control.hparams.keys() & own.hparams.keys() - {"init_from", "freeze_trunk"}
        assert shared >= OWN.keys()
        assert {name: control.hparams[name] for name in shared} == {name: own.hparams[name] for name in shared}


@pytest.mark.parametrize("attack", DECLARED)
def test_without_a_kept_counterpart_a_control_starts_from_scratch_and_the_attack_says_so(attack, tmp_path):
    start = str(tmp_path / "II-S.ckpt")
    own = attack(init_from=start, freeze_trunk=True)
    controls = controls_of(own, captioned=True)
    for control in controls.values():
        assert control.hparams["init_from"] is None
        assert control.hparams["freeze_trunk"] is False
    said = unequal(own, controls)
    assert f"{own.name} starts from {start} and has seen more records than its controls blind, caption, joint" in said
    assert f"{tmp_path / 'II-S joint.ckpt'} is not there" in said
    assert unequal(attack(), controls_of(attack(), captioned=True)) is None


def test_controls_start_from_the_counterparts_of_the_head_that_the_attack_starts_from(tmp_path):
    start = tmp_path / "II-S.ckpt"
    own = AttackIIS(init_from=str(start), freeze_trunk=True)
    for kind in ("blind", "joint"):
        counterpart(start, kind).touch()
    controls = controls_of(own, captioned=True)
    assert {kind: control.hparams["init_from"] for kind, control in controls.items()} == {
        "blind": str(tmp_path / "II-S blind.ckpt"),
        "caption": None,
        "joint": str(tmp_path / "II-S joint.ckpt"),
    }
    assert [control.hparams["freeze_trunk"] for control in controls.values()] == [True, False, True]
    assert "its controls caption, which are" in unequal(own, controls)
    counterpart(start, "caption").touch()
    assert unequal(own, controls_of(own, captioned=True)) is None


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
    for head in (attack, *controls_of(attack, captioned=True).values()):
        scores = train_seeds(head, data, budget)
        assert scores.shape == (3, len(data.table))
        assert len(np.unique(scores[:, 0])) == 3


def key(attack, kind):
    return same_training(controls_of(attack, captioned=True)[kind])


def test_a_control_that_attacks_share_has_one_key():
    semantic = [AttackIS(lr=0.01), AttackIIS("cosine", lr=0.01), AttackIII(lr=0.01), AttackIV(lr=0.01)]
    for kind in ("caption", "joint"):
        assert len({key(attack, kind) for attack in semantic}) == 1
    assert key(semantic[0], "blind") == key(semantic[1], "blind")
    assert key(AttackIP(), "blind") == key(AttackIIP("signed"), "blind")


def test_heads_that_are_trained_differently_have_different_keys():
    heads = [AttackIS(), AttackIS(lr=0.01), AttackIS(widths=(8,)), AttackIIS(), AttackIIS("abs"), BlindText()]
    keys = [*map(same_training, heads), key(AttackIP(lr=0.02), "caption")]  # at the learning rate of its CNN
    assert len(set(keys)) == len(keys)
