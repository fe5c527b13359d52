"""Where files are that a user or a list of images names."""

import re
from collections.abc import Iterable
from pathlib import Path

from lit_mia.errors import RecordError

NO_IMAGE = "The row has no image."
_SUFFIXES = {".jpg", ".jpeg", ".jfif", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".jp2", ".avif", ".heic"}
"""Endings of images; those that Pillow cannot read are reported instead of passed over."""


def with_home(path: str) -> Path:
    """The path, with the user's home for `~`; a name that merely begins like that stays."""
    try:
        return Path(path).expanduser()
    except RuntimeError:
        return Path(path)


def is_url(name: str) -> bool:
    """Whether a list names something on the internet.

    >>> is_url("https://example.org/1.jpg"), is_url("C:/images/1.jpg")
    (True, False)
    """
    return re.match(r"[a-z][a-z0-9+.-]+://", name, re.IGNORECASE) is not None


def listed_place(folder: Path, name: str) -> Path:
    r"""Where an image is that a list names, relative to the folder of the list.

    Where there is no such file, `\` is read as `/`: the list may have been written on Windows.
    """
    place = folder / with_home(name)
    return folder / name.replace("\\", "/") if "\\" in name and not is_there(place) else place


def is_there(file: Path) -> bool:
    """Whether there is such a file; there is none of a name that no file can have."""
    try:
        return file.is_file()
    except (OSError, ValueError):
        return False


def image_files(folder: Path) -> list[Path]:
    """The image files in a folder and its subfolders, without hidden ones such as `._1.jpg`."""
    return sorted(
        file
        for file in folder.rglob("*")
        if file.suffix.lower() in _SUFFIXES
        and file.is_file()
        and not any(part.startswith(".") for part in file.relative_to(folder).parts)
    )


def refuse_urls(names: Iterable[str], column: str, path: str) -> None:
    """Refuse a list in which every image is a URL.

    Raises:
        RecordError: Naming the column and one of them.
    """
    listed = list(names)
    if listed and all(map(is_url, listed)):
        raise RecordError(
            f"Column {column!r} of {path} holds URLs, e.g. {listed[0]}, and images are not downloaded. Download them, "
            "e.g. with img2dataset, and name the files."
        )


def file_stamp(file: Path) -> str:
    """Where a file is, its size and the time of its change, without reading it; also if it is missing."""
    try:
        place = file.resolve()
        facts = place.stat()
    except (OSError, ValueError, RuntimeError):  # also names that no file can have, and links that lead in a circle
        return f"{file}: missing"
    return f"{place}: {facts.st_size} bytes of {facts.st_mtime_ns}"
