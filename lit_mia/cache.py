"""Arrays on disk, named by what made them, so that nothing is computed twice."""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lit_mia.files import replacing


def cached_rows(
    folder: Path,
    key_parts: Mapping[str, object],
    n: int,
    dtype: type[np.generic],
    chunks: Callable[[], Iterator[NDArray[Any]]],
) -> NDArray[Any]:
    """Read an array, or write it chunk by chunk if no array of that key exists; it is never whole in memory.

    Args:
        folder: Where the `.npy` files are. Made if it is missing.
        key_parts: Everything that changes the array: fingerprints, ids, settings. Must be JSON values.
        n: Number of rows.
        dtype: Type of the elements.
        chunks: Makes the rows in order, at least one chunk; called only if the array is not there yet.

    Returns:
        A read-only memory map of the file, `[n, ...]`.
    """
    path = cached_path(folder, key_parts)
    if not path.exists():
        with replacing(path) as temporary:
            _write_rows(temporary, n, dtype, chunks())
    mapped: NDArray[Any] = np.load(path, mmap_mode="r")
    return mapped


def cached_path(folder: Path, key_parts: Mapping[str, object]) -> Path:
    """Where the array of a key is, or will be."""
    return folder / f"{key_digest(key_parts)}.npy"


def key_digest(key_parts: Mapping[str, object] | Sequence[object]) -> str:
    """SHA-256 of the JSON of the parts; of named ones whatever their order."""
    return hashlib.sha256(json.dumps(key_parts, sort_keys=True).encode()).hexdigest()


def _write_rows(file: Path, n: int, dtype: type[np.generic], chunks: Iterator[NDArray[Any]]) -> None:
    array, start = None, 0
    for chunk in chunks:
        if array is None:
            array = np.lib.format.open_memmap(file, "w+", dtype, (n, *chunk.shape[1:]))
        array[start : start + len(chunk)] = chunk
        start += len(chunk)
    if array is None or start != n:
        raise ValueError(f"The chunks hold {start} rows, but {n} were announced.")
    array.flush()
