"""Dry runs: what is written meanwhile goes to a folder that is gone in the end, and all else stays as it is."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

_FOLDERS: list[Path] = []
"""Where files are written instead; empty outside a dry run."""


@contextmanager
def keeping_nothing() -> Iterator[None]:
    """Do all that is done before anything is asked, such as decoding images, and leave no trace of it."""
    with TemporaryDirectory(prefix="lit-mia-dry-run-") as folder:
        _FOLDERS.append(Path(folder))
        try:
            yield
        finally:
            _FOLDERS.pop()


def written_at(path: Path) -> Path:
    """Where a file is written that belongs at `path`."""
    return Path(_FOLDERS[-1], *path.absolute().parts[1:]) if _FOLDERS else path


def read_at(path: Path) -> Path:
    """Where a file is read that belongs at `path`."""
    written = written_at(path)
    return written if written.exists() else path
