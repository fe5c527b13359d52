"""Dry runs: what is written meanwhile goes to a folder that is gone in the end, and all else stays as it is."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from tempfile import TemporaryDirectory

_FOLDER: ContextVar[Path | None] = ContextVar("_FOLDER", default=None)
"""Where files are written instead; none outside a dry run. Another thread may be in the middle of a run of its own."""


@contextmanager
def keeping_nothing() -> Iterator[None]:
    """Do all that is done before anything is asked, such as decoding images, and leave no trace of it."""
    with TemporaryDirectory(prefix="lit-mia-dry-run-") as folder:
        before = _FOLDER.set(Path(folder))
        try:
            yield
        finally:
            _FOLDER.reset(before)


def written_at(path: Path) -> Path:
    """Where a file is written that belongs at `path`."""
    folder = _FOLDER.get()
    return path if folder is None else Path(folder, *path.absolute().parts[1:])


def read_at(path: Path) -> Path:
    """Where a file is read that belongs at `path`."""
    written = written_at(path)
    return written if written.exists() else path
