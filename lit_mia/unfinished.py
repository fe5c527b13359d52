"""Files that are being written: their names tell whose they are, so that those of killed processes can go."""

import hashlib
import os
import re
import socket
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache, lru_cache
from pathlib import Path

_NAME = re.compile(r"\.[0-9a-f]{32}-([0-9a-f]{8})-(\d+)-.+\.tmp")  # no pattern for finished files matches it
_LONG_AGO = 86400.0
"""Seconds after which a file is nobody's, of whose process nothing is known."""


@contextmanager
def unfinished(path: Path) -> Iterator[Path]:
    """The place of a file beside `path` that goes in the end, whatever happens, unless it was renamed.

    The first one in a folder takes those away that killed processes have left there.
    """
    _sweep(path.parent.absolute())
    temporary = path.with_name(f".{uuid.uuid4().hex}-{_machine()}-{os.getpid()}-{path.name}.tmp")
    try:
        yield temporary
    finally:
        temporary.unlink(missing_ok=True)


@lru_cache(maxsize=1024)
def _sweep(folder: Path) -> None:
    """Take away what killed processes have left unfinished in a folder, once per process."""
    for file in folder.glob(".*.tmp"):
        if found := _NAME.fullmatch(file.name):
            with suppress(OSError):  # its process has just finished it, or it is another user's
                if _is_left(file, *found.groups()):
                    file.unlink()


def _is_left(file: Path, machine: str, process: str) -> bool:
    """Whether nobody writes a file any more; its time, which its writer may set, counts where nothing else is known."""
    if machine == _machine():
        return not _runs(int(process))
    return time.time() - file.stat().st_mtime > _LONG_AGO


def _runs(process: int) -> bool:
    if sys.platform == "win32":  # there the call below would end it
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):  # it is another user's, or no number of a process
        return True
    return True


@cache
def _machine() -> str:
    """Eight digits for this machine since it was started, and for this container: where process numbers mean one."""
    told = [socket.gethostname()]
    with suppress(OSError):  # not on Linux
        told += [
            Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii"),
            str(Path("/proc/self/ns/pid").readlink()),
        ]
    return hashlib.sha256(" ".join(told).encode()).hexdigest()[:8]
