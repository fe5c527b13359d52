"""Where the answers of a store are: file and row of each key, in 24 bytes an answer."""

import hashlib
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, Self, TypeVar, final

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

File = TypeVar("File", str, Path)

_DIGEST = 16
"""Bytes by which keys are told apart: among 2^40 keys two are taken for one with a probability below 2^-48."""


class Place(NamedTuple):
    """Where an answer is.

    Attributes:
        file: Name of the shard.
        row: Row in it.
    """

    file: str
    row: int


@final
class Places:
    """The places of keys, sorted by the hashes of these; a key may have several."""

    def __init__(self) -> None:
        self._names: list[str] = []
        self._digests = np.empty(0, f"S{_DIGEST}")
        self._files, self._rows = np.empty(0, np.int32), np.empty(0, np.int32)

    def __len__(self) -> int:
        return len(self._digests)

    def add(self, keys_of: Mapping[str, NDArray[np.bytes_]]) -> None:
        """Take note of new files.

        Args:
            keys_of: Name of each file → `digests` of the keys of its rows.
        """
        names, counts = list(keys_of), [len(keys) for keys in keys_of.values()]
        files = np.repeat(np.arange(len(names), dtype=np.int32) + len(self._names), counts)
        rows = np.concatenate([np.empty(0, np.int32), *(np.arange(count, dtype=np.int32) for count in counts)])
        keys = np.concatenate([self._digests[:0], *keys_of.values()])
        order = np.argsort(keys)
        at = np.searchsorted(self._digests, keys[order])
        self._names += names
        self._digests = np.insert(self._digests, at, keys[order])
        self._files = np.insert(self._files, at, files[order])
        self._rows = np.insert(self._rows, at, rows[order])

    def without(self, names: Collection[str]) -> Self:
        """The places in other files than some."""
        left = [number for number, name in enumerate(self._names) if name not in names]
        kept, new = np.isin(self._files, left), np.zeros(len(self._names), np.int32)
        new[left] = np.arange(len(left))
        rest = type(self)()
        rest._names = [self._names[number] for number in left]
        rest._digests, rest._files, rest._rows = self._digests[kept], new[self._files[kept]], self._rows[kept]
        return rest

    def find(self, keys: Sequence[str]) -> list[Place | None]:
        """The place of each of some keys: of several, that in the file which is first by name; None if it has none."""
        wanted = digests(keys)
        first, end = (np.searchsorted(self._digests, wanted, side).tolist() for side in ("left", "right"))
        return [min(map(self._place, range(*of)), default=None) for of in zip(first, end, strict=True)]

    def _place(self, number: int) -> Place:
        return Place(self._names[self._files[number]], int(self._rows[number]))


def digests(keys: Iterable[str]) -> NDArray[np.bytes_]:
    """The hashes of some keys, by which they are found, `[n]`."""
    return np.fromiter((hashlib.blake2b(key.encode(), digest_size=_DIGEST).digest() for key in keys), f"S{_DIGEST}")


def gathered(places: Sequence[tuple[File, int]], read: Callable[[File, list[int]], Tensor], nothing: Tensor) -> Tensor:
    """Rows of several files in one tensor, each file read once.

    Args:
        places: File and row of each.
        read: Reads some rows of a file.
        nothing: What there is of no places.
    """
    wanted: dict[File, list[int]] = {}
    for position, (file, _) in enumerate(places):
        wanted.setdefault(file, []).append(position)
    whole = nothing
    for file, positions in wanted.items():
        values = read(file, [places[position][1] for position in positions])
        if whole is nothing:
            whole = values.new_empty(len(places), *values.shape[1:])
        whole[positions] = values
    return whole
