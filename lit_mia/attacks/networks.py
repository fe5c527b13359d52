"""Networks from features to a vector."""

from collections.abc import Sequence
from typing import Literal

from torch import nn


def mlp(width: int, hidden: Sequence[int], dropout: float) -> tuple[nn.Module, int]:
    """Linear layers with ReLU, dropout after the first (Wu et al. 2022: a 3-layer MLP with the classifier).

    Args:
        width: Length of the input.
        hidden: Width of each layer.
        dropout: Probability of dropping a unit of the first layer.
    """
    layers: list[nn.Module] = [nn.Flatten()]
    for i, size in enumerate(hidden):
        layers += [nn.Linear(width, size), nn.ReLU()]
        layers += [nn.Dropout(dropout)] if i == 0 else []
        width = size
    return nn.Sequential(*layers), width


def cnn(network: str, channels: int, pretrained: bool) -> tuple[nn.Module, int]:
    """A convolutional trunk with global average pooling.

    Args:
        network: "small" (four convolutions, no download) or the name of a timm model, e.g. "resnet18".
        channels: Channels of the input.
        pretrained: Load timm's weights (a download).
    """
    if network == "small":
        return _small_cnn(channels), 64
    import timm

    trunk = timm.create_model(network, pretrained=pretrained, in_chans=channels, num_classes=0)
    return trunk, int(trunk.num_features)


def _small_cnn(channels: int) -> nn.Module:
    layers: list[nn.Module] = []
    for size in (16, 32, 64, 64):
        layers += [nn.Conv2d(channels, size, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(size), nn.ReLU()]
        channels = size
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten())


def resnet18(shape: tuple[int, ...], width: int, stem: Literal["auto", "small", "imagenet"]) -> tuple[nn.Module, int]:
    """A ResNet-18 trunk with global average pooling (He et al. 2016).

    Args:
        shape: Shape of the input, `(c, h, w)`.
        width: Channels of the first stage, doubled at each of the three others.
        stem: `small` replaces the strided 7 × 7 convolution and the pooling by one 3 × 3 convolution; `auto` does so
            for inputs below 64 pixels.
    """
    from timm.models.resnet import BasicBlock, ResNet

    stages = (width, 2 * width, 4 * width, 8 * width)
    trunk = ResNet(BasicBlock, (2, 2, 2, 2), num_classes=0, in_chans=shape[0], channels=stages)
    if stem == "small" or (stem == "auto" and shape[-1] < 64):
        trunk.conv1 = nn.Conv2d(shape[0], 64, 3, padding=1, bias=False)
        trunk.maxpool = nn.Identity()
    return trunk, int(trunk.num_features)
