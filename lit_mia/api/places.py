"""Paths as callers of Python give them."""

from os import PathLike
from pathlib import Path

from datamodules.sources.places import with_home
from lit_mia.errors import FolderError


def place(path: object, name: str) -> Path:
    """A path that was given, with the user's home for `~`.

    Args:
        path: What was given.
        name: Of the argument, for messages.

    Raises:
        FolderError: If it is no path.
    """
    if not isinstance(path, str | PathLike) or not str(path) or "\0" in str(path):
        raise FolderError(f"`{name}` must be a path, as a text or a `pathlib.Path`, but is {path!r}.")
    return with_home(str(path))


def write_to(path: object, text: str) -> None:
    """Write a text into a file.

    Args:
        path: What was given as the file.
        text: What is written.

    Raises:
        FolderError: If it is no path, or cannot be written.
    """
    file = place(path, "path")
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise FolderError(
            f"{file} cannot be written ({error.strerror}). Give a file in a folder that is there."
        ) from error
