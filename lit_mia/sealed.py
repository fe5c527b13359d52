"""Arrays and lists in files that hold their own checksum: damage is noticed before a number is made of it."""

import hashlib
import json
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import DTypeLike, NDArray

from lit_mia.dry_run import read_at
from lit_mia.folders import reserve, told_if_full

logger = logging.getLogger(__name__)

_MARK = b"\nlit-mia sha256 "
"""What stands between an array and the 32 bytes of its checksum; readers of `.npy` files stop before it."""
_SEAL = len(_MARK) + 32
_BLOCK = 2**20


@contextmanager
def sealing(file: Path, shape: tuple[int, ...], dtype: DTypeLike = np.uint8) -> Iterator[NDArray[Any]]:
    """An array of zeros that is a file, to which its checksum is added in the end.

    Args:
        file: The file, which is written anew.
        shape: Shape of the array.
        dtype: Type of its elements.

    Raises:
        FolderError: If the disk has no room for all of it, before anything is written into it.
    """
    n_bytes = int(np.prod(shape, dtype=np.int64)) * np.dtype(dtype).itemsize
    with told_if_full(file.parent, n_bytes):
        array = np.lib.format.open_memmap(file, "w+", np.dtype(dtype), shape)
        end = array.offset + n_bytes
        with file.open("rb+") as opened:
            reserve(opened.fileno(), array.offset, n_bytes + _SEAL)
        yield array
        array.flush()
        with file.open("rb+") as opened:
            digest = _digest(opened, end)
            opened.seek(end)
            opened.write(_MARK + digest)


def sealed_array(file: Path) -> NDArray[Any] | None:
    """The array of a file, mapped for reading; None if there is no such file, or a damaged one, which is reported.

    Files of versions that added no checksum must have the right length at least.

    Raises:
        PermissionError: If this user may not read it.
    """
    file = read_at(file)
    try:
        seen = file.stat()
    except FileNotFoundError:
        return None
    if reason := _damage(file, seen.st_ino, seen.st_size, seen.st_mtime_ns):
        _report(file, reason)
        return None
    mapped: NDArray[Any] = np.load(file, mmap_mode="r")
    return mapped


def write_list(file: Path, values: Sequence[object]) -> None:
    """Write JSON values with their checksum."""
    content = {"sha256": _digest_of(values), "values": list(values)}
    with told_if_full(file.parent):
        file.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")


def sealed_list(file: Path) -> list[Any] | None:
    """The values in a file; None if there is no such file, or a damaged one, which is reported.

    Files of versions that added no checksum hold the list alone.
    """
    try:
        content = json.loads(read_at(file).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except ValueError:
        content = None
    if isinstance(content, list):
        return content
    values = content.get("values") if isinstance(content, dict) else None
    if not isinstance(values, list) or content.get("sha256") != _digest_of(values):
        _report(file, "it is not what was written")
        return None
    return values


def _report(file: Path, reason: str) -> None:
    logger.warning("%s is damaged (%s) and is made anew.", file, reason)


def _digest_of(values: Sequence[object]) -> str:
    return hashlib.sha256(json.dumps(list(values)).encode()).hexdigest()


@lru_cache(maxsize=4096)
def _damage(file: Path, inode: int, size: int, modified: int) -> str:
    """Why a file cannot be used, empty if it can; read once as long as it is the same."""
    try:
        mapped = np.load(file, mmap_mode="r")
        end = mapped.offset + mapped.nbytes
    except (ValueError, EOFError, OSError, AttributeError) as error:
        if isinstance(error, PermissionError):
            raise
        return "it is no whole array"
    if size == end:
        return ""
    with file.open("rb") as opened:
        digest = _digest(opened, end)
        whole = opened.read() == _MARK + digest
    return "" if whole else "its checksum is another"


def _digest(opened: BinaryIO, end: int) -> bytes:
    """SHA-256 of the first `end` bytes; the file is read up to there."""
    digest, left = hashlib.sha256(), end
    while left > 0 and (block := opened.read(min(_BLOCK, left))):
        digest.update(block)
        left -= len(block)
    return digest.digest()
