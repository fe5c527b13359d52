"""The ResNet on residual maps and its blind control."""

import pytest
import torch
from torch import nn

from lit_mia.attacks import BlindResNet, ResidualHead
from lit_mia.attacks.controls import controls_of
from lit_mia.attacks.networks import resnet18
from lit_mia.pair_batch import PairBatch


def batch(n, size=32, channels=3):
    inputs = {"image": torch.rand(n, 3, size, size), "residual": torch.rand(n, channels, size, size)}
    return PairBatch(torch.arange(n), torch.arange(n) % 2, inputs)


def convolutions(trunk):
    return [m for m in trunk.modules() if isinstance(m, nn.Conv2d)]


@pytest.mark.parametrize(("channels", "size"), [(3, 32), (8, 8), (4, 64)])
def test_it_scores_maps_of_any_shape(channels, size):
    head = ResidualHead(width=4)
    head.build(batch(2, size, channels))
    assert head.eval().score(batch(5, size, channels)).shape == (5,)


def test_the_network_is_a_resnet18():
    trunk, width = resnet18((3, 32, 32), 64, "small")
    assert width == 512
    parameters = sum(p.numel() for p in trunk.parameters())
    assert parameters == 11_168_832  # ResNet-18 of SecMI's code (11,173,962) without its linear layer of 10 classes
    assert convolutions(trunk)[0].kernel_size == (3, 3)
    assert convolutions(trunk)[0].stride == (1, 1)


def test_the_imagenet_stem_is_coarser():
    image = torch.rand(2, 3, 32, 32)
    small, imagenet = (resnet18((3, 32, 32), 8, stem)[0].forward_features(image) for stem in ("small", "imagenet"))
    assert small.shape[-2:] == (4, 4)
    assert imagenet.shape[-2:] == (1, 1)


@pytest.mark.parametrize(("size", "stride"), [(8, 1), (32, 1), (64, 2)])
def test_the_stem_goes_by_the_size(size, stride):
    trunk, _ = resnet18((3, size, size), 4, "auto")
    assert convolutions(trunk)[0].stride == (stride, stride)


def test_the_blind_control_has_the_settings_of_the_head():
    (control,) = controls_of(ResidualHead(width=8, stem="imagenet", lr=0.5), captioned=False).values()
    assert isinstance(control, BlindResNet)
    assert (control.hparams["width"], control.hparams["stem"], control.hparams["lr"]) == (8, "imagenet", 0.5)
    control.build(batch(2))
    assert control.inputs == {"image"}
    assert control.eval().score(batch(3)).shape == (3,)


def test_sgd_has_the_momentum_of_the_papers():
    head = ResidualHead(width=4, optimizer="sgd")
    head.build(batch(2))
    (group,) = head.configure_optimizers().param_groups
    assert (group["momentum"], group["lr"], group["weight_decay"]) == (0.9, 1e-3, 5e-4)
