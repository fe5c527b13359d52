"""Files that are being written: each is locked by its process, so that those of killed processes can be told and go."""

import os
import re
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

if sys.platform != "win32":
    import fcntl

_NAME = re.compile(r"\.[0-9a-f]{32}-.+\.tmp")  # no pattern for finished files matches it
_LONG_AGO = 86400.0
"""Seconds after which a file is nobody's where a file system has no locks."""


@contextmanager
def unfinished(path: Path) -> Iterator[Path]:
    """An empty file beside `path` that goes in the end, whatever happens, unless it was renamed.

    The first one in a folder takes those away that killed processes have left there.

    Raises:
        OSError: If the file cannot be made.
    """
    _sweep(path.parent.absolute())
    temporary = path.with_name(f".{uuid.uuid4().hex}-{path.name}.tmp")
    held = _made(temporary)
    try:
        yield temporary
    finally:
        temporary.unlink(missing_ok=True)
        os.close(held)


def _made(file: Path) -> int:
    """A descriptor of a new file that is locked as long as the descriptor is open."""
    while True:
        held = os.open(file, os.O_CREAT | os.O_RDWR, 0o666)
        _lock(held, wait=True)
        if os.fstat(held).st_nlink:  # else another process took it for a leftover before it was locked
            return held
        os.close(held)


@lru_cache(maxsize=1024)
def _sweep(folder: Path) -> None:
    """Take away what killed processes have left unfinished in a folder, once per process."""
    for file in folder.glob(".*.tmp"):
        if _NAME.fullmatch(file.name):
            _remove_if_left(file)


def _remove_if_left(file: Path) -> None:
    try:
        held = os.open(file, os.O_RDWR)
    except OSError:  # its process has just finished it, or it is another user's
        return
    try:
        locked = _lock(held, wait=False)
        if locked or (locked is None and time.time() - os.fstat(held).st_mtime > _LONG_AGO):
            file.unlink(missing_ok=True)
    finally:
        os.close(held)


def _lock(held: int, wait: bool) -> bool | None:
    """Whether the file is locked now; None where there are no locks."""
    if sys.platform == "win32":
        return None
    try:
        fcntl.flock(held, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError:
        return False
    except OSError:
        return None
    return True
