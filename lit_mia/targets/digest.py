"""What tells the files of a model from all others."""

import hashlib
from pathlib import Path

_MODEL_FILES = (".json", ".txt", ".model", ".safetensors", ".bin", ".pt", ".pth")


def model_digest(path: Path) -> str:
    """SHA-256 of a weights file, or of the configuration, tokenizer and weights files of a folder, by name."""
    if path.is_file():
        return _file_digest(path)
    files = sorted(file for file in path.iterdir() if file.suffix in _MODEL_FILES)
    lines = "".join(f"{file.name} {_file_digest(file)}\n" for file in files)
    return hashlib.sha256(lines.encode()).hexdigest()


def _file_digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
