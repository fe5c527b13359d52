"""What is often saved in the place of a model file, told by how it begins."""

from pathlib import Path

from lit_mia.errors import LitMiaError

_AGAIN = "Download it again"
_BEGINNINGS = {
    b"version https://git-lfs": ("a Git LFS pointer, not the file it stands for", "Run `git lfs pull` in its folder"),
    b"<!doctype": ("a web page", _AGAIN),
    b"<html": ("a web page", _AGAIN),
    b"<?xml": ("an answer of a server in XML", _AGAIN),
}
_MAYBE_EMPTY = ".txt"


def check_contents(file: Path, error: type[LitMiaError]) -> None:
    """Refuse a pointer, a web page or nothing in the place of weights, a configuration or a tokenizer.

    Args:
        file: The file, of which only the beginning is read.
        error: What to raise.

    Raises:
        LitMiaError: If the file is one of these, or cannot be read.
    """
    try:
        with file.open("rb") as opened:
            start = opened.read(128).lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    except OSError as problem:
        raise error(f"The file {str(file)!r} cannot be read: {problem.strerror}. Check its rights.") from problem
    found = next((said for beginning, said in _BEGINNINGS.items() if start.startswith(beginning)), None)
    if not start and file.suffix != _MAYBE_EMPTY:
        found = "empty", _AGAIN
    if found:
        raise error(f"The file {str(file)!r} is {found[0]}. {found[1]}; nothing was loaded.")
