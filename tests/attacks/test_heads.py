"""Each head finds the signal that it is named for, and nothing where there is none."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

import lit_mia.attacks
from lit_mia.attacks import (
    Attack,
    AttackIII,
    AttackIIP,
    AttackIIS,
    AttackIP,
    AttackIS,
    AttackIV,
    BlindImage,
    BlindPixels,
)
from lit_mia.attacks.training import train_seeds
from lit_mia.metrics.auc import auc

PLANTED = [
    (AttackIP, "quality"),
    (AttackIS, "quality"),
    (AttackIIP, "reconstruction"),
    (AttackIIS, "reconstruction"),
    (AttackIII, "faithfulness"),
    (AttackIV, "quality"),
    (AttackIV, "reconstruction"),
    (AttackIV, "faithfulness"),
]
EVERY_HEAD = {kind for kind in vars(lit_mia.attacks).values() if isinstance(kind, type) and issubclass(kind, Attack)}
HEADS = [AttackIP, AttackIS, AttackIIP, AttackIIS, AttackIII, AttackIV]


@pytest.mark.parametrize("head", sorted(EVERY_HEAD - {Attack}, key=str))
def test_every_head_learns_at_one_rate_unless_told(head):
    assert head().hparams["lr"] == 1.0e-3


def _test_auc(attack, data, budget):
    """AUC of the raw scores on test, where a member must score higher."""
    rows = list(data.rows["test"])
    return auc(train_seeds(attack, data, budget)[0, rows], data.arrays.member[rows])


@pytest.mark.parametrize(("head", "signal"), PLANTED)
def test_a_planted_signal_is_found_and_members_score_higher(pairs, budget, head, signal):
    assert _test_auc(head(lr=3e-3), pairs(signal), budget) >= 0.8


@pytest.mark.parametrize("head", HEADS)
def test_nothing_is_found_where_there_is_nothing(pairs, budget, head):
    assert 0.35 <= _test_auc(head(lr=3e-3), pairs(None), budget) <= 0.65


@pytest.mark.parametrize(("control", "signal"), [(BlindPixels, "reconstruction"), (BlindImage, "reconstruction")])
def test_controls_do_not_find_what_only_the_target_tells(pairs, budget, control, signal):
    assert 0.35 <= _test_auc(control(lr=3e-3), pairs(signal), budget) <= 0.65


def test_more_images_per_record_tell_more(pairs, budget):
    scores = {k: _test_auc(AttackIS(lr=3e-3), pairs("quality", k), budget) for k in (1, 3)}
    assert scores[3] > scores[1]


def test_seeds_are_rows_and_can_be_repeated(pairs, budget):
    data, attack = pairs("reconstruction"), AttackIIS(widths=(16, 8), lr=3e-3)
    short = type(budget)(seeds=2, max_epochs=2, accelerator="cpu")
    first, second = (train_seeds(attack, data, short) for _ in range(2))
    assert first.shape == (2, len(data.table))
    assert np.array_equal(first, second)
    assert not np.array_equal(first[0], first[1])
    assert not list(attack.parameters())


def test_the_head_is_a_three_layer_network(pairs):
    attack = AttackIIS()
    attack.build(pairs().example())
    layers = [layer for layer in attack.modules() if isinstance(layer, nn.Linear | nn.ReLU | nn.Dropout)]
    kinds = [type(layer) for layer in layers]
    assert kinds == [nn.Linear, nn.ReLU, nn.Dropout, nn.Linear, nn.ReLU, nn.Linear]
    assert [layer.out_features for layer in layers if isinstance(layer, nn.Linear)] == [512, 256, 2]
    assert layers[2].p == 0.5
    narrow = AttackIIS("l2", widths=(6, 5, 4), dropout=0.1)
    narrow.build(pairs().example())
    assert [layer.weight.shape for layer in narrow.modules() if isinstance(layer, nn.Linear)] == [
        (6, 1),
        (5, 6),
        (4, 5),
        (2, 4),
    ]


@pytest.mark.parametrize("head", [AttackIP, AttackIIP])
def test_a_network_of_timm_serves_by_its_name(pairs, head):
    attack, data = head(network="resnet18", pretrained=False), pairs("reconstruction", 3)
    attack.build(data.example())
    batch = data.arrays.batch(range(8))
    F.cross_entropy(attack(batch), batch.member).backward()
    assert attack.trunk.conv1.weight.grad.abs().sum() > 0
    assert attack.classifier.in_features == 512
    assert attack.score(batch).shape == (8,)


def test_concat_feeds_six_channels_to_the_network(pairs):
    attack = AttackIIP("concat", network="resnet18")
    attack.build(pairs().example())
    assert attack.trunk.conv1.in_channels == 6


@pytest.mark.parametrize(
    ("name", "kind"), [("adam", torch.optim.Adam), ("adamw", torch.optim.AdamW), ("sgd", torch.optim.SGD)]
)
def test_the_optimiser_is_a_setting(pairs, name, kind):
    attack = AttackIIS(optimizer=name, lr=0.25, weight_decay=0.5)
    attack.build(pairs().example())
    optimizer = attack.configure_optimizers()
    assert type(optimizer) is kind
    assert (optimizer.param_groups[0]["lr"], optimizer.param_groups[0]["weight_decay"]) == (0.25, 0.5)
