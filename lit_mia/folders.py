"""Folders that cannot be written: full, read-only or impossible ones, said in one sentence and before work begins."""

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeGuard

from lit_mia.errors import FolderError

FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
"""What the system says of a full disk, a used-up quota, and a file larger than allowed."""


def is_of_disk(error: BaseException) -> TypeGuard[OSError]:
    """Whether an error says that a disk is full or read-only, whatever was to be written."""
    return isinstance(error, OSError) and error.errno in FULL | {errno.EROFS}


def unwritable(folder: Path | None, error: OSError, need: int | None = None) -> FolderError:
    """What to say of a folder that an error came from.

    Args:
        folder: The folder; None if the system did not tell.
        error: What the system said.
        need: Bytes that were to be written, if that is known.
    """
    said = "it is a file" if isinstance(error, FileExistsError) else error.strerror or str(error)
    place = f"the folder {folder}" if folder else "a folder"
    if error.errno not in FULL:
        return FolderError(f"Nothing can be written in {place} ({said}). Name another one, or let it be written.")
    needed = "" if need is None else f"{_megabytes(need)} are needed at once, "
    free = f"{needed}{_megabytes(_free(folder))} are free. " if folder else ""
    return FolderError(
        f"There is no room in {place} ({said}). {free}Make room and run the same command again: what was stored is "
        "kept."
    )


@contextmanager
def told_if_full(folder: Path, need: int | None = None) -> Iterator[None]:
    """Make what the system says of a full or a read-only disk a sentence that names the folder.

    Args:
        folder: Where is written.
        need: See `unwritable`.

    Raises:
        FolderError: If the disk is full or read-only.
    """
    try:
        yield
    except OSError as error:
        if not is_of_disk(error):
            raise
        raise unwritable(folder, error, need) from error


def reserve(file: int, start: int, size: int) -> None:
    """Let a file have its space before it is mapped: a disk that is full later would end the process without a word.

    Args:
        file: Descriptor of the open file.
        start: Where the space begins.
        size: Its bytes, which are zero so far.

    Raises:
        OSError: If there is no room.
    """
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(file, start, size)
        return
    for place in range(0, size, _BLOCK):  # macOS
        os.pwrite(file, bytes(min(_BLOCK, size - place)), start + place)


def check_writable(folder: Path) -> None:
    """Make a folder, and refuse one in which nothing can be written.

    Raises:
        FolderError: If it cannot be made or written.
    """
    probe = folder / f".{os.getpid()}-probe"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe.write_bytes(b"\0")
    except OSError as error:
        raise unwritable(folder, error) from error
    finally:
        _remove(probe)


def check_room(folder: Path, need: int) -> None:
    """Refuse a folder with less room than will be needed, before what cannot be kept is paid.

    Args:
        folder: The folder, which exists.
        need: Bytes.

    Raises:
        FolderError: If there is less.
    """
    if _free(folder) < need:
        raise unwritable(folder, OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), need)


_BLOCK = 2**20


def _remove(probe: Path) -> None:
    try:
        probe.unlink(missing_ok=True)
    except OSError:  # its folder does not exist or is none
        return


def _free(folder: Path) -> int:
    try:
        return shutil.disk_usage(folder).free
    except OSError:
        return 0


def _megabytes(size: int) -> str:
    return f"{size / 2**20:,.1f} MiB"
