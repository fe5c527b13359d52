"""Files that are written whole or not at all, and arrays named by what made them, so that none is computed twice."""

import errno
import hashlib
import json
import logging
import os
import sys
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from filelock import BaseFileLock, FileLock, Timeout
from numpy.typing import NDArray

from lit_mia.dry_run import read_at, written_at
from lit_mia.folders import told_if_full, unwritable
from lit_mia.sealed import sealed_array, sealing
from lit_mia.unfinished import unfinished

logger = logging.getLogger(__name__)


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a temporary file beside `path` that takes its place on success and is removed on failure.

    In a dry run the file goes elsewhere, see `lit_mia.dry_run`.

    Raises:
        FolderError: If the folder cannot be written, or its disk is full.
    """
    path = written_at(path)
    _make_folder(path.parent)
    with told_if_full(path.parent), unfinished(path) as temporary:
        yield temporary
        temporary.replace(path)


def write_whole(path: Path, text: str) -> None:
    """Write a text as UTF-8, whole or not at all.

    Raises:
        FolderError: See `replacing`.
    """
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


@contextmanager
def by_one_process(path: Path) -> Iterator[None]:
    """While this lasts, no other process makes a file that is not there yet; those that want it wait, to find it then.

    The system lets the next one go on when a process ends, however that may be. A file that is there is waited for by
    nobody, also in a folder that cannot be written.

    Args:
        path: The file, which is to be looked for in here once more.

    Raises:
        FolderError: If the file is not there, and its folder cannot be written.
    """
    if read_at(path).exists():
        yield
        return
    made = written_at(path)
    _make_folder(made.parent)
    lock = FileLock(made.with_name(f".{made.name}.lock"))
    try:
        _wait_for(lock, path)
    except OSError as error:
        raise unwritable(made.parent, error) from error
    try:
        yield
    finally:
        Path(lock.lock_file).unlink(missing_ok=True)  # those that wait lock a new one
        lock.release()


def _wait_for(lock: BaseFileLock, path: Path) -> None:
    """Take a lock, and say so if another process has it."""
    try:
        lock.acquire(timeout=0)
    except Timeout:
        logger.warning("%s is being made by another process: waiting for it.", path)
        lock.acquire()


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not os.access(folder, os.W_OK | os.X_OK):
            raise PermissionError(errno.EACCES, "read-only, or not this user's")
    except OSError as error:
        raise unwritable(folder, error) from error


def cached_rows(
    folder: Path,
    key_parts: Mapping[str, object],
    n: int,
    dtype: type[np.generic],
    chunks: Callable[[], Iterator[NDArray[Any]]],
) -> NDArray[Any]:
    """Read an array, or write it chunk by chunk if there is no whole one of that key; it is never whole in memory.

    Of several processes that want it at the same time, one makes it.

    Args:
        folder: Where the `.npy` files are. Made if it is missing.
        key_parts: Everything that changes the array: fingerprints, ids, settings. Must be JSON values.
        n: Number of rows.
        dtype: Type of the elements.
        chunks: Makes the rows in order, at least one chunk; called only if the array is not there yet.

    Returns:
        A read-only memory map of the file, `[n, ...]`.

    Raises:
        FolderError: If the folder cannot be written, or its disk has no room for the array.
    """
    path = cached_path(folder, key_parts)
    with by_one_process(path):
        kept = sealed_array(path)
        if kept is not None:
            return kept
        with replacing(path) as temporary:
            _write_rows(temporary, n, dtype, chunks())
    mapped: NDArray[Any] = np.load(read_at(path), mmap_mode="r")
    return mapped


def cached_path(folder: Path, key_parts: Mapping[str, object]) -> Path:
    """Where the array of a key is, or will be."""
    return folder / f"{key_digest(key_parts)}.npy"


def key_digest(key_parts: Mapping[str, object] | Sequence[object]) -> str:
    """SHA-256 of the JSON of the parts; of named ones whatever their order."""
    return hashlib.sha256(json.dumps(key_parts, sort_keys=True).encode()).hexdigest()


def list_digest(parts: Iterable[Sequence[object]], name: str | None = None) -> str:
    """The `key_digest` of a long list that comes in parts, of which one at a time is in memory.

    Args:
        parts: The parts.
        name: What the list is called, if it is the only one of named parts.
    """
    before, after = ("[", "]") if name is None else (f"{{{json.dumps(name)}: [", "]}")
    digest, between = hashlib.sha256(before.encode()), ""
    for part in filter(len, parts):
        digest.update((between + json.dumps(part, sort_keys=True)[1:-1]).encode())
        between = ", "
    digest.update(after.encode())
    return digest.hexdigest()


def _write_rows(file: Path, n: int, dtype: type[np.generic], chunks: Iterator[NDArray[Any]]) -> None:
    first = next(chunks, None)
    if first is None:
        raise ValueError(f"There are no chunks, but {n} rows were announced.")
    start = 0
    with sealing(file, (n, *first.shape[1:]), dtype) as array:
        for chunk in chain([first], chunks):
            array[start : start + len(chunk)] = chunk
            start += len(chunk)
        if start != n:
            raise ValueError(f"The chunks hold {start} rows, but {n} were announced.")


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
