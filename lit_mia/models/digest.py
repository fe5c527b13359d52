"""What tells the files of one model from those of all others."""

import hashlib
from collections.abc import Iterable
from pathlib import Path

FingerprintValue = str | int | float | bool | None
Fingerprint = dict[str, FingerprintValue]
"""Everything that changes an answer of a model, by name."""

_MODEL_FILES = (".json", ".txt", ".model", ".safetensors", ".bin", ".pt", ".pth")


def digest(folder: Path, files: Iterable[Path]) -> str:
    """SHA-256 over the contents of files and their places below a folder, in any order."""
    total = hashlib.sha256()
    for file in sorted(files):
        with file.open("rb") as opened:
            content = hashlib.file_digest(opened, "sha256").hexdigest()
        total.update(f"{file.relative_to(folder).as_posix()} {content}\n".encode())
    return total.hexdigest()


def model_digest(path: Path) -> str:
    """SHA-256 of a weights file, or of the configuration, tokenizer and weights files of a folder, by name."""
    if path.is_file():
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    return digest(path, (file for file in path.iterdir() if file.suffix in _MODEL_FILES))
