"""Files that are written whole or not at all, and arrays named by what made them, so that none is computed twice."""

import hashlib
import json
import sys
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a temporary file beside `path` that takes its place on success and is removed on failure."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{uuid.uuid4().hex}-{path.name}.tmp")  # no pattern for finished files matches it
    try:
        yield temporary
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


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


def code_digest(*makers: type | ModuleType) -> str:
    """SHA-256 of the source files of modules, and of classes with all their bases of this and of their own package.

    Other packages are told apart by their versions. Code that is in no file has another digest each time, because a
    wrong hit is worse than a miss.

    Args:
        makers: Classes and modules, in any order.
    """
    modules = {module.__name__: module for maker in makers for module in _modules(maker)}
    digest = hashlib.sha256()
    for name in sorted(modules):
        digest.update(f"{name}\n".encode())
        digest.update(hashlib.sha256(_source(modules[name])).digest())
    return digest.hexdigest()


def _modules(maker: type | ModuleType) -> list[ModuleType]:
    if isinstance(maker, ModuleType):
        return [maker]
    packages = {_package(maker.__module__), _package(__name__)}
    return [sys.modules[base.__module__] for base in maker.__mro__ if _package(base.__module__) in packages]


def _package(module: str) -> str:
    return module.partition(".")[0]


def _source(module: ModuleType) -> bytes:
    file = vars(module).get("__file__")
    return Path(file).read_bytes() if file else uuid.uuid4().bytes
