"""What the trainings of the demo's tools share: captioned images in memory, and the optimiser."""

from abc import ABC
from collections.abc import Sequence
from typing import Any, NamedTuple, final

import lightning as L
import torch
from lightning.pytorch.utilities.types import OptimizerLRScheduler
from torch import Tensor
from torch.utils.data import BatchSampler, DataLoader, Dataset, RandomSampler

from lit_mia.shadow.one_cycle import one_cycle


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


class FeatureBatch(NamedTuple):
    """Image features `[b, i]`, text features `[b, t]`, and a name for each."""

    images: Tensor
    texts: Tensor
    names: list[str]


@final
class FeaturePairs(Dataset[FeatureBatch]):
    """Whole batches of features of captioned images, which were seen several times, each time in another way.

    Args:
        images: Image features `[v, n, i]` of every view.
        texts: Text features `[v, n, t]` of every view; a batch shows each row in views drawn apart for both.
        names: One name per image.
    """

    def __init__(self, images: Tensor, texts: Tensor, names: Sequence[str]) -> None:
        self.images, self.texts, self.names = images, texts, names

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, rows: list[int]) -> FeatureBatch:
        images, texts = (views[torch.randint(len(views), (len(rows),)), rows] for views in (self.images, self.texts))
        return FeatureBatch(images, texts, [self.names[row] for row in rows])


@final
class CaptionedImagesDataModule(L.LightningDataModule):
    """Endless random batches of captioned images, or of features of them.

    Args:
        dataset: Gives a whole batch for a list of rows.
        batch_size: Images per step.
        steps: Steps of the training; one epoch holds them all.
    """

    def __init__(self, dataset: CaptionedImages | FeaturePairs, batch_size: int, steps: int) -> None:
        super().__init__()
        self.dataset, self.batch_size, self.steps = dataset, batch_size, steps

    def train_dataloader(self) -> DataLoader[Any]:
        """Batches of random rows, without repetition inside a pass over the data."""
        rows = RandomSampler(self.dataset, num_samples=self.batch_size * self.steps)  # pass after pass
        return DataLoader(self.dataset, sampler=BatchSampler(rows, self.batch_size, True), batch_size=None)


class ToolTraining(L.LightningModule, ABC):
    """Trains a tool; a concrete class keeps `lr` and `steps` among its hyper-parameters.

    Attributes:
        weight_decay: Weight decay of AdamW.
        rise: Share of the steps over which the learning rate rises.
    """

    weight_decay: float
    rise: float

    def configure_optimizers(self) -> OptimizerLRScheduler:
        """AdamW with a one-cycle schedule."""
        lr, steps = float(self.hparams["lr"]), int(self.hparams["steps"])
        return one_cycle(self.parameters(), lr, steps, weight_decay=self.weight_decay, rise=self.rise)
