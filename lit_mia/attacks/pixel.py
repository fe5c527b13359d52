"""Pixel attacks of Wu et al. 2022 (arXiv 2210.00968): CNNs on images, and their control."""

from abc import ABC
from typing import ClassVar, final

from torch import Tensor, nn

from lit_mia.attacks.base import Attack, OptimizerName, RecordHead
from lit_mia.attacks.networks import cnn
from lit_mia.features.operations import PixelOperation, pixel_map
from lit_mia.pair_batch import PairBatch


class CnnAttack(Attack, ABC):
    """A CNN whose network is `network` among the hyper-parameters."""

    reduced_dims = (0, 1, 3, 4)

    def build_trunk(self, shape: tuple[int, ...]) -> tuple[nn.Module, int]:
        """The convolutional trunk."""
        return cnn(self.hparams["network"], shape[0], self.hparams["pretrained"])


class PixelAttack(CnnAttack, ABC):
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


@final
class BlindPixels(RecordHead, PixelAttack):
    """Control: x, the query image alone, `[b, 1, 3, s, s]`."""

    name = "blind pixels"
    inputs = frozenset({"image"})


@final
class AttackIP(PixelAttack):
    """I-P: quality of the generated image, x'."""

    name = "I-P"
    inputs = frozenset({"generated"})
    controls: ClassVar = {"blind": BlindPixels}

    def features(self, batch: PairBatch) -> Tensor:
        """x', `[b, k, 3, s, s]`."""
        return batch["generated"]


@final
class AttackIIP(CnnAttack):
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
    controls: ClassVar = {"blind": BlindPixels}

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

    def features(self, batch: PairBatch) -> Tensor:
        """The map of pixel discrepancies, `[b, k, c, s, s]`."""
        return pixel_map(self.hparams["operation"], batch["image"], batch["generated"])
