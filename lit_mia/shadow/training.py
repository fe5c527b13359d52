"""What the trainings share: captioned images in memory, the optimiser of tools, and who the members of targets are."""

import json
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeVar, final

import lightning as L
import torch
from lightning.pytorch.utilities.types import OptimizerLRScheduler
from torch import Tensor, nn
from torch.utils.data import BatchSampler, DataLoader, Dataset, RandomSampler

Batch = TypeVar("Batch", covariant=True)


class CaptionedBatch(NamedTuple):
    """Images in [0, 1], `[b, 3, s, s]`, and a caption for each."""

    images: Tensor
    captions: list[str]


@final
class CaptionedImages(Dataset[CaptionedBatch]):
    """Whole batches of captioned images.

    Args:
        images: uint8 `[n, 3, s, s]`.
        captions: One caption per image.
        keywords: Further words per image; a batch shows a random half of them, or none, after the caption.
    """

    def __init__(
        self, images: Tensor, captions: Sequence[str], keywords: Sequence[Sequence[str]] | None = None
    ) -> None:
        self.images, self.captions, self.keywords = images, captions, keywords

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, rows: list[int]) -> CaptionedBatch:
        return CaptionedBatch(self.images[rows].float() / 255, [self._caption(row) for row in rows])

    def _caption(self, row: int) -> str:
        if self.keywords is None or torch.rand(()) < 0.5:
            return self.captions[row]
        words = [word for word in self.keywords[row] if torch.rand(()) < 0.5]
        return ", ".join([self.captions[row], *words])


def endless(dataset: Dataset[Batch], batch_size: int, steps: int) -> DataLoader[Batch]:
    """Batches of random rows of a data set that fetches whole batches, without repetition inside a pass over it.

    Args:
        dataset: The data set; its items are asked by lists of rows.
        batch_size: Rows per step.
        steps: Steps of the training; one epoch holds them all.
    """
    sampler = RandomSampler(dataset, num_samples=batch_size * steps)  # type: ignore[arg-type]  # pass after pass
    return DataLoader(dataset, sampler=BatchSampler(sampler, batch_size, True), batch_size=None)


@final
class CaptionedImagesDataModule(L.LightningDataModule):
    """Endless random batches of a `CaptionedImages` data set.

    Args:
        dataset: The images and captions.
        batch_size: Images per step.
        steps: Steps of the training; one epoch holds them all.
    """

    def __init__(self, dataset: CaptionedImages, batch_size: int, steps: int) -> None:
        super().__init__()
        self.dataset, self.batch_size, self.steps = dataset, batch_size, steps

    def train_dataloader(self) -> DataLoader[CaptionedBatch]:
        """Batches of random rows, without repetition inside a pass over the data."""
        return endless(self.dataset, self.batch_size, self.steps)


class EncodedDataModule(L.LightningDataModule, Dataset[Batch], ABC):
    """Endless random batches of what frozen networks make, once, of captioned images.

    Args:
        images: uint8 `[n, 3, s, s]`.
        captions: A caption each.
        networks: Folder of the networks.
        batch_size: Images per step.
        steps: Steps of the training; one epoch holds them all.
    """

    def __init__(self, images: Tensor, captions: list[str], networks: str, batch_size: int, steps: int) -> None:
        super().__init__()
        self.images, self.captions, self.networks = images, captions, networks
        self.batch_size, self.steps = batch_size, steps

    @abstractmethod
    def setup(self, stage: str) -> None:
        """Encode all images."""

    def train_dataloader(self) -> DataLoader[Batch]:
        """Batches of random images, without repetition inside a pass over them."""
        return endless(self, self.batch_size, self.steps)

    def __len__(self) -> int:
        return len(self.captions)


class ToolTraining(L.LightningModule, ABC):
    """Trains a tool; a concrete class keeps `lr` and `steps` among its hyper-parameters.

    Attributes:
        weight_decay: Weight decay of AdamW.
        rise: Share of the steps over which the learning rate rises.
    """

    weight_decay: float
    rise: float

    def trained(self) -> Iterable[nn.Parameter] | list[dict[str, Any]]:
        """What is trained: parameters, or groups of them with settings of their own."""
        return self.parameters()

    def configure_optimizers(self) -> OptimizerLRScheduler:
        """AdamW with a one-cycle schedule."""
        lr, steps = float(self.hparams["lr"]), int(self.hparams["steps"])
        return one_cycle(self.trained(), lr, steps, weight_decay=self.weight_decay, rise=self.rise)


class TargetTraining(L.LightningModule, ABC):
    """Trains a target whose members are known; keeps the losses of all steps, also across a resume."""

    def __init__(self) -> None:
        super().__init__()
        self.losses: list[float] = []

    @abstractmethod
    def loss(self, batch: Any) -> Tensor:
        """What is minimised, a scalar."""

    @abstractmethod
    def export(self, folder: Path, membership: Mapping[str, object]) -> None:
        """Save the target as a folder in half precision, with `membership.json`.

        Args:
            folder: Folder to write.
            membership: Ids and labels, seed and recipe; steps and losses (mean of every 50 steps) are added.
        """

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        """The loss, logged and kept."""
        loss = self.loss(batch)
        self.log("train/loss", loss, prog_bar=True)
        self.losses.append(float(loss.detach()))
        return loss

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keep the losses across a resume."""
        checkpoint["losses"] = list(self.losses)

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Take up the losses of the interrupted run."""
        self.losses = list(checkpoint["losses"])

    def write_membership(self, folder: Path, membership: Mapping[str, object]) -> None:
        """Write `membership.json` into the folder of an exported target."""
        blocks = [self.losses[i : i + 50] for i in range(0, len(self.losses), 50)]
        facts = {
            **membership,
            "steps": len(self.losses),
            "losses_every_50_steps": [round(sum(block) / len(block), 5) for block in blocks],
        }
        (folder / "membership.json").write_text(json.dumps(facts, indent=1), encoding="utf-8")


def one_cycle(
    parameters: Iterable[nn.Parameter] | list[dict[str, Any]],
    lr: float,
    steps: int,
    weight_decay: float,
    rise: float,
) -> OptimizerLRScheduler:
    """AdamW whose learning rate rises shortly and decays along a cosine to 0, stepped with the optimiser.

    Args:
        parameters: What is trained: parameters, or groups of them with settings of their own.
        lr: Peak learning rate.
        steps: Optimiser steps of the schedule.
        weight_decay: Weight decay of AdamW.
        rise: Share of the steps over which the rate rises.
    """
    optimizer = torch.optim.AdamW(parameters, lr=lr, weight_decay=weight_decay)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, lr, total_steps=steps + 1, pct_start=rise)
    return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}
