"""Pixel attacks of Wu et al. 2022 (arXiv 2210.00968): CNNs on images, and their control."""

from abc import ABC
from typing import ClassVar, final

from torch import Tensor, nn

from lit_mia.attacks.base import Attack, OptimizerName
from lit_mia.attacks.networks import cnn
from lit_mia.attacks.semantic import BlindText
from lit_mia.features.operations import PixelOperation, pixel_map
from lit_mia.pair_batch import PairBatch


class PixelAttack(Attack, ABC):
    """A CNN on images.

    Args:
        network: "small" (four convolutions) or the name of a timm model, e.g. "resnet18".
        pretrained: Load timm's weights for the network (a download).
        optimizer: Optimiser.
        lr: Learning rate.
        weight_decay: Weight decay.
        init_from: Checkpoint of a trained head of this kind to start from.
        freeze_trunk: Train the last layer only.
    """

    reduced_dims = (0, 1, 3, 4)

    def __init__(
        self,
        network: str = "small",
        pretrained: bool = False,
        optimizer: OptimizerName = "adam",
        lr: float = 1.0e-3,
        weight_decay: float = 0.0,
        init_from: str | None = None,
        freeze_trunk: bool = False,
    ) -> None:
        super().__init__()
        self.save_hyperparameters()

    def build_trunk(self, shape: tuple[int, ...]) -> tuple[nn.Module, int]:
        """The convolutional trunk."""
        return cnn(self.hparams["network"], shape[0], self.hparams["pretrained"])


@final
class BlindPixels(PixelAttack):
    """Control: x, the query image alone."""

    name = "blind pixels"
    level = None
    inputs = frozenset({"image"})

    def features(self, batch: PairBatch) -> Tensor:
        """x, `[b, 1, 3, s, s]`."""
        return batch["image"].unsqueeze(1)


@final
class AttackIP(PixelAttack):
    """I-P: quality of the generated image, x'."""

    name = "I-P"
    inputs = frozenset({"generated"})
    controls: ClassVar = {"blind": BlindPixels, "caption": BlindText}

    def features(self, batch: PairBatch) -> Tensor:
        """x', `[b, k, 3, s, s]`."""
        return batch["generated"]


@final
class AttackIIP(Attack):
    """II-P: pixel reconstruction error, by default |x − x'|.

    Args:
        operation: How the two images are compared.
        network: "small" (four convolutions) or the name of a timm model, e.g. "resnet18".
        pretrained: Load timm's weights for the network (a download).
        optimizer: Optimiser.
        lr: Learning rate.
        weight_decay: Weight decay.
        init_from: Checkpoint of a trained head of this kind to start from.
        freeze_trunk: Train the last layer only.
    """

    name = "II-P"
    inputs = frozenset({"image", "generated"})
    controls: ClassVar = {"blind": BlindPixels, "caption": BlindText}
    reduced_dims = (0, 1, 3, 4)

    def __init__(
        self,
        operation: PixelOperation = "abs",
        network: str = "small",
        pretrained: bool = False,
        optimizer: OptimizerName = "adam",
        lr: float = 1.0e-3,
        weight_decay: float = 0.0,
        init_from: str | None = None,
        freeze_trunk: bool = False,
    ) -> None:
        super().__init__()
        self.save_hyperparameters()

    def build_trunk(self, shape: tuple[int, ...]) -> tuple[nn.Module, int]:
        """The convolutional trunk."""
        return cnn(self.hparams["network"], shape[0], self.hparams["pretrained"])

    def features(self, batch: PairBatch) -> Tensor:
        """The map of pixel discrepancies, `[b, k, c, s, s]`."""
        return pixel_map(self.hparams["operation"], batch["image"], batch["generated"])
