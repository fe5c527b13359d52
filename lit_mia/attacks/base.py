"""What every attack head shares: features of an observation → head → score, higher for members."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lit_mia.attacks.checkpoints import read_checkpoint
from lit_mia.attacks.data import HeadDataModule, Reader
from lit_mia.attacks.failures import check_finite, diverged, not_trained
from lit_mia.attacks.frozen import freeze_threshold
from lit_mia.attacks.origins import check_origin
from lit_mia.errors import HeadError, LitMiaError
from lit_mia.metrics.metric import RawAUROC, TPRAtFPR
from lit_mia.pair_batch import PairBatch
from lit_mia.targets.base import AccessLevel
from lit_mia.trainable import Trainable

OptimizerName = Literal["adam", "adamw", "sgd"]
OPTIMIZERS: dict[str, Callable[..., torch.optim.Optimizer]] = {
    "adam": torch.optim.Adam,
    "adamw": torch.optim.AdamW,
    "sgd": partial(torch.optim.SGD, momentum=0.9),
}
_Part = tuple[Tensor, Tensor, Tensor]  # scores, labels and rows of a batch


class Attack(Reader, Trainable):
    """A head that scores pairs of a query image and what the target answered; controls are heads too.

    A concrete attack names what it reads (`inputs`), turns it into features, and builds the network that scores them.
    The network is built in `setup`, when the shapes of the data are known.

    Attributes:
        controls: The heads without the target that it has to beat, by kind (see `lit_mia.row_kinds`); what is true of
            every attack that is given captions is in `lit_mia.attacks.controls`.
        reduced_dims: Dimensions of the features over which the training mean and deviation are taken.
    """

    level: AccessLevel | None = AccessLevel.GENERATE
    scored_by = "head"
    mistaken: ClassVar[type[LitMiaError]] = HeadError
    controls: ClassVar[Mapping[str, type["Attack"]]] = {}
    reduced_dims: ClassVar[tuple[int, ...]] = (0, 1)

    trunk: nn.Module
    classifier: nn.Linear
    center: Tensor
    spread: Tensor

    def __init__(self) -> None:
        super().__init__()
        self._is_built = False
        self.calibration: dict[str, list[float]] = {}
        self.learned: frozenset[str] = frozenset()
        self.val_auc, self.test_auc = RawAUROC(), RawAUROC()
        self.test_tpr = TPRAtFPR(fpr=0.1)
        self._calibration_parts: list[_Part] = []
        self._test_parts: list[_Part] = []

    @abstractmethod
    def features(self, batch: PairBatch) -> Tensor:
        """What the head reads, `[b, k, ...]`: one row for each of the k generated images of a record."""

    @abstractmethod
    def build_trunk(self, shape: tuple[int, ...]) -> tuple[nn.Module, int]:
        """The network from features of `shape` to a vector, and the vector's length."""

    def build(self, example: PairBatch) -> None:
        """Make trunk, 2-way classifier and the buffers of the input normalisation for data like `example`."""
        features = self.features(example)
        self.trunk, width = self.build_trunk(tuple(features.shape[2:]))
        self.classifier = nn.Linear(width, 2)
        statistics = features.mean(dim=self.reduced_dims, keepdim=True)[0]
        self.register_buffer("center", torch.zeros_like(statistics))
        self.register_buffer("spread", torch.ones_like(statistics))
        self._is_built = True

    def forward(self, batch: PairBatch) -> Tensor:
        """Logits `[b, 2]` (non-member, member), averaged over the generated images of a record."""
        return self.logits((self.features(batch) - self.center) / self.spread)

    def logits(self, features: Tensor) -> Tensor:
        """Logits `[b, 2]` of normalised features `[b, k, ...]`."""
        b, k = features.shape[:2]
        logits: Tensor = self.classifier(self.trunk(features.flatten(0, 1)))
        return logits.view(b, k, 2).mean(dim=1)

    def score(self, batch: PairBatch) -> Tensor:
        """Raw membership scores `[b]`: the difference of the two logits."""
        logits: Tensor = self(batch)
        return logits[:, 1] - logits[:, 0]

    @torch.no_grad()
    def fit_normalisation(self, batches: Iterable[PairBatch]) -> None:
        """Take mean and deviation of the features from `batches` (training records only), in one pass."""
        total, squares, count = torch.zeros((), device=self.device), torch.zeros((), device=self.device), 0
        for batch in batches:
            features = self.features(batch.to(self.device)).double()
            total = total + features.sum(dim=self.reduced_dims, keepdim=True)
            squares = squares + features.square().sum(dim=self.reduced_dims, keepdim=True)
            count += features.numel() // total[0].numel()
        mean = total / count
        deviation = (squares / count - mean.square()).clamp(min=0).sqrt()
        self.center.copy_(mean[0])
        varies = deviation > 1e-6 * mean.abs() + 1e-8  # what is below comes from rounding
        self.spread.copy_(torch.where(varies, deviation, 1.0)[0])

    def start(self, data: HeadDataModule, fits: bool = True) -> None:
        """Build the network for the data at hand, unless it is there, and load `init_from`, if this is a fit."""
        if not self._is_built:
            self.build(data.example())
        if fits and self.hparams.get("init_from"):
            load_head(self, self.hparams["init_from"], data)
        if self.hparams.get("freeze_trunk"):
            self.trunk.requires_grad_(False)

    def normalise(self, data: HeadDataModule) -> None:
        """Normalise the inputs by the training records, unless a loaded head brought its own statistics."""
        if not self.hparams.get("init_from"):
            self.fit_normalisation(data.train_batches())

    # ------------------------------------------------------------------ Lightning

    def setup(self, stage: str) -> None:
        """Build the network for the data at hand, unless it is there, and load `init_from`, if this is a fit."""
        self.start(self._data(), fits=stage == "fit")

    def on_fit_start(self) -> None:
        """Normalise the inputs by the training records, unless a loaded head brought its own statistics."""
        self.normalise(self._data())

    def on_fit_end(self) -> None:
        """Refuse to end without having learned: the scores would be those of random weights.

        Raises:
            HeadError: If no step was made.
        """
        if self.trainer.global_step == 0:
            trainer = self.trainer
            raise not_trained(self.name, trainer.max_epochs, trainer.max_steps, trainer.num_training_batches)

    def on_train_epoch_start(self) -> None:
        """Keep a frozen trunk from dropping units and from moving the statistics of its batch normalisation."""
        if self.hparams.get("freeze_trunk"):
            self.trunk.eval()

    def training_step(self, batch: PairBatch, batch_idx: int) -> Tensor:
        """Cross-entropy of the two classes."""
        loss = F.cross_entropy(self(batch), batch.member)
        if not torch.isfinite(loss):
            raise diverged(self.name, loss.item(), self.current_epoch)
        self.log("train/loss", loss, batch_size=len(batch.row))
        return loss

    def validation_step(self, batch: PairBatch, batch_idx: int, dataloader_idx: int = 0) -> None:
        """Loader 0 chooses the epoch; loader 1 is the calibration split, kept for the threshold."""
        logits = self(batch)
        scores = logits[:, 1] - logits[:, 0]
        if dataloader_idx == 1:
            self._calibration_parts.append((scores, batch.member, batch.row))
            return
        self.val_auc.update(scores, batch.member)
        options: dict[str, Any] = {"batch_size": len(batch.row), "add_dataloader_idx": False, "on_epoch": True}
        self.log("val/loss", F.cross_entropy(logits, batch.member), **options, sync_dist=True)
        self.log("val/auc", self.val_auc, **options, prog_bar=True)

    def on_validation_epoch_end(self) -> None:
        """Keep the calibration scores of this epoch; a checkpoint carries them."""
        scores, labels, _ = _joined(self, self._calibration_parts)
        self._calibration_parts.clear()
        self.calibration = {
            "members": sorted(scores[labels == 1].tolist()),
            "nonmembers": sorted(scores[labels == 0].tolist()),
        }

    def on_test_start(self) -> None:
        """Put down that the test split is opened."""
        if self.trainer.is_global_zero:
            head = {"head": type(self).__name__, **self.hparams, "checkpoint": str(self.trainer.ckpt_path)}
            self._data().count_opening("test", head)

    def test_step(self, batch: PairBatch, batch_idx: int) -> dict[str, Tensor]:
        """Score the test split; returns row, label and score of each record."""
        scores = self.score(batch)
        self._test_parts.append((scores, batch.member, batch.row))
        self.test_auc.update(scores, batch.member)
        self.test_tpr.update(scores, batch.member)
        options: dict[str, Any] = {"batch_size": len(batch.row), "on_epoch": True}
        self.log("test/auc", self.test_auc, **options)
        self.log("test/tpr@10%fpr", self.test_tpr, **options)
        check_finite(self.name, scores)
        return {"row": batch.row, "member": batch.member, "score": scores}

    def on_test_epoch_end(self) -> None:
        """Freeze the calibration threshold beside the checkpoint, with its realised false-positive rate."""
        scores, labels, rows = _joined(self, self._test_parts)
        self._test_parts.clear()
        if self.trainer.ckpt_path and self.trainer.is_global_zero:
            names = self._data().table.groups
            groups = [names[row] for row in rows.tolist()]
            freeze_threshold(self.calibration, scores, labels, Path(str(self.trainer.ckpt_path)), groups=groups)

    def predict_step(self, batch: PairBatch, batch_idx: int) -> dict[str, Tensor]:
        """Row and raw score of each record.

        Raises:
            HeadError: If a score is not finite.
        """
        scores = self.score(batch)
        check_finite(self.name, scores)
        return {"row": batch.row, "score": scores}

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """The optimiser over what is not frozen; `sgd` has momentum 0.9."""
        return make_optimizer(self.hparams, self.parameters())

    def _data(self) -> HeadDataModule:
        """What the trainer trains it on.

        Raises:
            HeadError: If that is no datamodule for heads.
        """
        data = getattr(self.trainer, "datamodule", None)
        if not isinstance(data, HeadDataModule):
            raise HeadError(f"A head is trained on a HeadDataModule (see `datamodules`), not on {type(data).__name__}.")
        return data

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Write which head this is, its calibration scores, and what it has learned from."""
        checkpoint["head"] = type(self).__name__
        checkpoint["learned"] = sorted(self.learned | self._data().learned())
        checkpoint["origin"] = dict(self._data().origin(self))
        # Lightning's command line writes it, and reads it to find the class; a Trainer of an audit does not.
        settings = checkpoint.setdefault("hyper_parameters", {})
        settings.setdefault("_class_path", f"{type(self).__module__}.{type(self).__name__}")
        checkpoint["calibration"] = self.calibration

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Refuse a checkpoint of another head, or of one that learned from other inputs.

        Raises:
            HeadError: If class, shapes or inputs differ.
        """
        check_head(self, checkpoint, "the checkpoint")
        check_origin(f"The head {self.name} of the checkpoint", checkpoint.get("origin"), self._data().origin(self))
        self.calibration = checkpoint["calibration"]
        self.learned = frozenset(checkpoint.get("learned", ()))


class RecordHead(Attack, ABC):
    """A head that asks nothing of the target itself: its one input is read as it is, one row per record."""

    level = None

    def features(self, batch: PairBatch) -> Tensor:
        """The input, `[b, 1, ...]`."""
        (name,) = self.inputs
        return batch[name].unsqueeze(1)


def make_optimizer(
    settings: Mapping[str, Any], weights: Iterable[Tensor], fused: bool = False
) -> torch.optim.Optimizer:
    """The optimiser that a head's hyper-parameters name.

    Args:
        settings: The hyper-parameters.
        weights: What is trained, and what is frozen.
        fused: Whether a step is one pass over the weights: quicker, and the same within rounding.
    """
    free = [weight for weight in weights if weight.requires_grad]
    options = {"lr": settings["lr"], "weight_decay": settings["weight_decay"], "fused": fused}
    return OPTIMIZERS[settings["optimizer"]](free, **options)


def load_head(attack: Attack, path: str, data: HeadDataModule) -> None:
    """Load weights and input normalisation of a trained head of the same kind, to fine-tune it.

    Args:
        attack: The head, built.
        path: A checkpoint of `lit-mia fit` or of an audit.
        data: What it goes on learning from.

    Raises:
        HeadError: If the file is missing, is no checkpoint, belongs to another head or learned from other inputs.
    """
    checkpoint = read_checkpoint(path, "init_from")
    check_head(attack, checkpoint, path)
    check_origin(path, checkpoint.get("origin"), data.origin(attack), anew=True)
    attack.load_state_dict(checkpoint["state_dict"])
    attack.learned = frozenset(checkpoint.get("learned", ()))


def check_head(attack: Attack, checkpoint: Mapping[str, Any], path: str) -> None:
    """Compare class and shapes of a checkpoint with a built head.

    Raises:
        HeadError: If they differ; the message names what differs.
    """
    given, wanted = checkpoint.get("head"), type(attack).__name__
    if given != wanted:
        raise HeadError(f"{path} holds a {given or 'model of another program'}, but the configured head is {wanted}.")
    own, saved = attack.state_dict(), checkpoint["state_dict"]
    odd = [key for key in own if key not in saved or own[key].shape != saved[key].shape] + [*(saved.keys() - own)]
    if odd:
        raise HeadError(
            f"{path} is a {wanted} of another shape: {len(odd)} tensors differ, first {odd[0]!r}. "
            "Use the network, operation, encoder and image size that it was trained with."
        )


def _joined(attack: Attack, parts: list[_Part]) -> _Part:
    """Scores, labels and rows of all batches and ranks."""
    if not parts:
        return torch.zeros(0), torch.zeros(0, dtype=torch.long), torch.zeros(0, dtype=torch.long)
    gathered: list[Any] = [attack.all_gather(torch.cat(list(values))) for values in zip(*parts, strict=True)]
    scores, labels, rows = (values.flatten().cpu() for values in gathered)
    return scores.detach(), labels, rows
