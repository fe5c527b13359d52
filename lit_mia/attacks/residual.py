"""ResNets on the residual maps of training-free attacks (SecMI-NNs, arXiv 2302.01316; ReDiffuse, arXiv 2405.20771)."""

from abc import ABC
from typing import ClassVar, Literal, final

from torch import nn

from lit_mia.attacks.base import Attack, OptimizerName, RecordHead
from lit_mia.attacks.networks import resnet18

Stem = Literal["auto", "small", "imagenet"]


class ResNetAttack(Attack, ABC):
    """A ResNet-18 on one map per record.

    The papers train with SGD (0.001, momentum 0.9, weight decay 0.0005), batch 128, 15 epochs, and squared error on the
    labels; here the loss is cross-entropy as for every head, and val chooses the epoch.

    Args:
        width: Channels of the first of the four stages, doubled at each next one; 64 is the usual ResNet-18.
        stem: `small`: 3 × 3 convolution without stride or pooling. `imagenet`: the usual strided stem, which the code
            of ReDiffuse uses. `auto`: `small` for maps below 64 pixels, else `imagenet`.
        optimizer: Optimiser; `sgd` has momentum 0.9.
        lr: Learning rate.
        weight_decay: Weight decay.
        init_from: Checkpoint of a trained head of this kind to start from.
        freeze_trunk: Train the last layer only.
    """

    reduced_dims = (0, 1, 3, 4)

    def __init__(
        self,
        width: int = 64,
        stem: Stem = "auto",
        optimizer: OptimizerName = "adam",
        lr: float = 1.0e-3,
        weight_decay: float = 5.0e-4,
        init_from: str | None = None,
        freeze_trunk: bool = False,
    ) -> None:
        super().__init__()
        self.save_hyperparameters()

    def build_trunk(self, shape: tuple[int, ...]) -> tuple[nn.Module, int]:
        """A ResNet-18."""
        return resnet18(shape, self.hparams["width"], self.hparams["stem"])


@final
class BlindResNet(RecordHead, ResNetAttack):
    """Control: x, the query image alone, `[b, 1, 3, s, s]`."""

    name = "blind ResNet"
    inputs = frozenset({"image"})


@final
class ResidualHead(RecordHead, ResNetAttack):
    """The residual map of one training-free attack, which asks the target, `[b, 1, c, h, w]`."""

    name = "residual"
    inputs = frozenset({"residual"})
    controls: ClassVar = {"blind": BlindResNet}
