"""Semantic attacks of Wu et al. 2022 (arXiv 2210.00968): MLPs on embeddings, and their controls."""

from abc import ABC
from typing import ClassVar, final

import torch
from torch import Tensor, nn

from lit_mia.attacks.base import Attack, OptimizerName, RecordHead
from lit_mia.attacks.networks import mlp
from lit_mia.errors import EncoderError
from lit_mia.features.encoders import SHARING_ENCODERS, Encoder
from lit_mia.features.operations import Operation, apply_operation
from lit_mia.pair_batch import PairBatch


class MlpAttack(Attack, ABC):
    """A 3-layer MLP whose `widths` and `dropout` are among the hyper-parameters."""

    def build_trunk(self, shape: tuple[int, ...]) -> tuple[nn.Module, int]:
        """The MLP's hidden layers."""
        return mlp(shape[0], self.hparams["widths"], self.hparams["dropout"])


class SemanticAttack(MlpAttack, ABC):
    """A 3-layer MLP on embeddings.

    Args:
        widths: Width of each hidden layer.
        dropout: Dropout after the first layer.
        optimizer: Optimiser.
        lr: Learning rate.
        weight_decay: Weight decay.
        init_from: Checkpoint of a trained head of this kind to start from.
        freeze_trunk: Train the last layer only.
    """

    def __init__(
        self,
        widths: tuple[int, ...] = (512, 256),
        dropout: float = 0.5,
        optimizer: OptimizerName = "adam",
        lr: float = 1.0e-3,
        weight_decay: float = 0.0,
        init_from: str | None = None,
        freeze_trunk: bool = False,
    ) -> None:
        super().__init__()
        self.save_hyperparameters()


@final
class BlindText(RecordHead, SemanticAttack):
    """Control: E_T(t), the caption alone, `[b, 1, e]`."""

    name = "caption"
    inputs = frozenset({"text_embedding"})


@final
class BlindImage(RecordHead, SemanticAttack):
    """Control: E_I(x), the query image alone, `[b, 1, d]`."""

    name = "blind image"
    inputs = frozenset({"image_embedding"})


@final
class BlindJoint(SemanticAttack):
    """Control: E_I(x) and E_T(t), and how well the caption fits the image, without the target.

    Where captions of members fit their images better than others', neither alone tells. The fit is told by both the
    squared differences and the cosine; of embeddings of two lengths, which share no space, there is none.
    """

    name = "joint"
    level = None
    inputs = frozenset({"image_embedding", "text_embedding"})

    def features(self, batch: PairBatch) -> Tensor:
        """concat[E_I(x), E_T(t), (E_I(x) − E_T(t))², cos(E_I(x), E_T(t))], `[b, 1, 3d + 1]`; else `[b, 1, d + e]`."""
        image, text = batch["image_embedding"], batch["text_embedding"]
        comparisons: tuple[Operation, ...] = ("squared", "cosine") if image.shape == text.shape else ()
        fit = [apply_operation(comparison, image, text) for comparison in comparisons]
        return torch.cat([image, text, *fit], dim=-1).unsqueeze(1)


@final
class AttackIS(SemanticAttack):
    """I-S: quality of the generated image, E_I(x')."""

    name = "I-S"
    inputs = frozenset({"generated_embedding"})
    controls: ClassVar = {"blind": BlindImage}

    def features(self, batch: PairBatch) -> Tensor:
        """E_I(x'), `[b, k, d]`."""
        return batch["generated_embedding"]


class ComparingAttack(MlpAttack, ABC):
    """A 3-layer MLP on differences of embeddings.

    Args:
        operation: How two embeddings are compared.
        widths: Width of each hidden layer.
        dropout: Dropout after the first layer.
        optimizer: Optimiser.
        lr: Learning rate.
        weight_decay: Weight decay.
        init_from: Checkpoint of a trained head of this kind to start from.
        freeze_trunk: Train the last layer only.
    """

    def __init__(
        self,
        operation: Operation = "squared",
        widths: tuple[int, ...] = (512, 256),
        dropout: float = 0.5,
        optimizer: OptimizerName = "adam",
        lr: float = 1.0e-3,
        weight_decay: float = 0.0,
        init_from: str | None = None,
        freeze_trunk: bool = False,
    ) -> None:
        super().__init__()
        self.save_hyperparameters()

    def check_encoder(self, encoder: Encoder) -> None:
        """Refuse to compare texts with images where they share no space; `concat` compares nothing.

        Raises:
            EncoderError: If the encoder cannot serve.
        """
        serves = encoder.embeds_text if self.hparams["operation"] == "concat" else encoder.shares_space
        if "text_embedding" in self.inputs and not serves:
            raise EncoderError(
                f"Attack {self.name} compares a text with images, but {encoder.name} has no space that both share. "
                f"Encoders that have one: {SHARING_ENCODERS}."
            )

    def compare(self, record: Tensor, generated: Tensor) -> Tensor:
        """The operation on an embedding of the record `[b, d]` and those of its generated images `[b, k, d]`."""
        return apply_operation(self.hparams["operation"], record.unsqueeze(1), generated)


@final
class AttackIIS(ComparingAttack):
    """II-S: semantic reconstruction error, d(E_I(x), E_I(x'))."""

    name = "II-S"
    inputs = frozenset({"image_embedding", "generated_embedding"})
    controls: ClassVar = {"blind": BlindImage}

    def features(self, batch: PairBatch) -> Tensor:
        """d(E_I(x), E_I(x')), `[b, k, d]`, or `[b, k, 1]` for a scalar operation."""
        return self.compare(batch["image_embedding"], batch["generated_embedding"])


@final
class AttackIII(ComparingAttack):
    """III: faithfulness to the caption, d(E_T(t), E_I(x')); needs an encoder whose texts and images share a space."""

    name = "III"
    inputs = frozenset({"text_embedding", "generated_embedding"})
    controls: ClassVar = {"blind": BlindText}

    def features(self, batch: PairBatch) -> Tensor:
        """d(E_T(t), E_I(x')), `[b, k, d]`, or `[b, k, 1]` for a scalar operation."""
        return self.compare(batch["text_embedding"], batch["generated_embedding"])
