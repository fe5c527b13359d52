"""Pairs of a query image and the target's answers, as arrays, and the data sets that heads train on."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import DataLoader, Dataset

from lit_mia.records import PairBatch


@dataclass(frozen=True)
class PairArrays:
    """The fields of `PairBatch` for all n records of a table; None where no head needs the field.

    Attributes:
        member: int64 `[n]`.
        image: uint8 `[n, 3, s, s]`.
        generated: uint8 `[n, k, 3, s, s]`.
        image_embedding: float32 `[n, d]`.
        generated_embedding: float32 `[n, k, d]`.
        text_embedding: float32 `[n, e]`.
        residual: float32 `[n, c, h, w]`.
    """

    member: NDArray[np.int64]
    image: NDArray[np.uint8] | None = None
    generated: NDArray[np.uint8] | None = None
    image_embedding: NDArray[np.float32] | None = None
    generated_embedding: NDArray[np.float32] | None = None
    text_embedding: NDArray[np.float32] | None = None
    residual: NDArray[np.float32] | None = None

    def hold(self, names: Iterable[str]) -> bool:
        """Whether all of these fields are there."""
        return all(getattr(self, name) is not None for name in names)

    def batch(self, rows: Sequence[int]) -> PairBatch:
        """The given rows as tensors; images in [0, 1]."""
        index = np.asarray(rows, dtype=np.int64)

        def part(array: NDArray[np.uint8] | NDArray[np.float32] | None) -> torch.Tensor | None:
            if array is None:
                return None
            values = torch.from_numpy(array[index])
            return values.float() / 255 if values.dtype is torch.uint8 else values

        return PairBatch(
            row=torch.from_numpy(index),
            member=torch.from_numpy(self.member[index]),
            image=part(self.image),
            generated=part(self.generated),
            image_embedding=part(self.image_embedding),
            generated_embedding=part(self.generated_embedding),
            text_embedding=part(self.text_embedding),
            residual=part(self.residual),
        )


@final
class PairDataset(Dataset[PairBatch]):
    """Some rows of `PairArrays`; a loader fetches whole batches at once."""

    def __init__(self, arrays: PairArrays, rows: Sequence[int]) -> None:
        self.arrays, self.rows = arrays, list(rows)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, item: int) -> PairBatch:
        return self.arrays.batch([self.rows[item]])

    def __getitems__(self, items: Sequence[int]) -> PairBatch:
        """PyTorch's fetcher calls this with all items of a batch."""
        return self.arrays.batch([self.rows[item] for item in items])

    def loader(self, batch_size: int, shuffle: bool = False, num_workers: int = 0) -> DataLoader[PairBatch]:
        """Batches of this data set; a distributed sampler may take the place of the order.

        A last training batch of a single record is left out, because batch normalisation cannot use it; the shuffling
        makes it another record in each epoch.
        """
        return DataLoader(
            self,
            batch_size=batch_size,
            shuffle=shuffle,
            drop_last=shuffle and len(self) % batch_size == 1,
            num_workers=num_workers,
            persistent_workers=num_workers > 0,
            collate_fn=_as_is,  # type: ignore[arg-type]  # __getitems__ has collated
        )

    def batches(self, batch_size: int) -> Iterator[PairBatch]:
        """All rows in order, outside any sampler."""
        for start in range(0, len(self), batch_size):
            yield self.__getitems__(range(start, min(start + batch_size, len(self))))


def _as_is(batch: PairBatch) -> PairBatch:
    return batch
