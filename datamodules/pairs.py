"""Inputs of heads as arrays, and the batches of them that heads train on."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, final

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import DataLoader, Dataset

from lit_mia.batches import slices
from lit_mia.errors import RecordError
from lit_mia.pair_batch import PairBatch
from lit_mia.ranges import at_least, check


@dataclass(frozen=True)
class Loading:
    """How batches are loaded.

    Attributes:
        batch_size: Records per step, at least 2: batch normalisation cannot use one alone.
        num_workers: Worker processes of each loader.

    Raises:
        RecordError: If a number is out of range.
    """

    batch_size: int
    num_workers: int = 0

    def __post_init__(self) -> None:
        """Check the numbers."""
        workers = at_least(0, 1024)(num_workers=self.num_workers)
        check(RecordError, at_least(2)(batch_size=self.batch_size), workers)


@final
@dataclass(frozen=True, eq=False)
class JoinedRows:
    """Several arrays one after the other, none of which is copied.

    Attributes:
        parts: `[n_i, ...]` each, alike in everything but their length.
    """

    parts: Sequence[NDArray[Any]]

    def __getitem__(self, rows: NDArray[np.int64]) -> NDArray[Any]:
        """Some rows, counted over all parts."""
        ends = np.cumsum([len(part) for part in self.parts])
        which = np.searchsorted(ends, rows, side="right")
        picked = np.empty((len(rows), *self.parts[0].shape[1:]), self.parts[0].dtype)
        for number, part in enumerate(self.parts):
            picked[which == number] = part[rows[which == number] - (ends[number] - len(part))]
        return picked

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        """All rows, copied."""
        return np.concatenate(self.parts, dtype=dtype)


@dataclass(frozen=True)
class PairArrays:
    """Inputs of heads for all n records of a table.

    Attributes:
        member: int64 `[n]`.
        inputs: By name, `[n, ...]`; uint8 arrays are images.
    """

    member: NDArray[np.int64]
    inputs: Mapping[str, NDArray[Any] | JoinedRows]

    def hold(self, names: Iterable[str]) -> bool:
        """Whether all of these inputs are there."""
        return self.inputs.keys() >= set(names)

    def batch(self, rows: Sequence[int]) -> PairBatch:
        """The given rows as tensors; images in [0, 1]."""
        index = np.asarray(rows, dtype=np.int64)
        return PairBatch(
            row=torch.from_numpy(index),
            member=torch.from_numpy(self.member[index]),
            inputs={name: _tensor(array[index]) for name, array in self.inputs.items()},
        )


@final
class PairDataset(Dataset[PairBatch]):
    """Some rows of `PairArrays`; a loader fetches whole batches at once."""

    def __init__(self, arrays: PairArrays, rows: Sequence[int]) -> None:
        self.arrays, self.rows = arrays, list(rows)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitems__(self, items: Sequence[int]) -> PairBatch:
        """PyTorch's fetcher calls this with all items of a batch."""
        return self.arrays.batch([self.rows[item] for item in items])

    def loader(self, loading: Loading, shuffle: bool = False) -> DataLoader[PairBatch]:
        """Batches of this data set; a distributed sampler may take the place of the order.

        A last training batch of a single record is left out, because batch normalisation cannot use it; the shuffling
        makes it another record in each epoch.
        """
        return DataLoader(
            self,
            batch_size=loading.batch_size,
            shuffle=shuffle,
            drop_last=shuffle and len(self) % loading.batch_size == 1,
            num_workers=loading.num_workers,
            persistent_workers=loading.num_workers > 0,
            collate_fn=_as_is,  # type: ignore[arg-type]  # __getitems__ has collated
        )

    def batches(self, batch_size: int) -> Iterator[PairBatch]:
        """All rows in order, outside any sampler."""
        return (self.arrays.batch(self.rows[part]) for part in slices(len(self), batch_size))


def _tensor(values: NDArray[Any]) -> torch.Tensor:
    tensor = torch.from_numpy(values)
    return tensor.float() / 255 if tensor.dtype is torch.uint8 else tensor


def _as_is(batch: PairBatch) -> PairBatch:
    return batch
