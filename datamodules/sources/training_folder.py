"""The survival scan: what the folders of a design hold now, against what the coins decided."""

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePosixPath

from datamodules.sources.decoding import open_rgb
from lit_mia.designs.layouts import CAPTION, LAYOUTS, METADATA
from lit_mia.designs.manifest import HOLDOUT, Manifest
from lit_mia.designs.survival import FileNow, caption_survival, files_of, losses, survival
from lit_mia.errors import DesignError
from lit_mia.reasons import listed


def told_scan(manifest: Manifest, training: Path, holdout: Path) -> str:
    """Compare every file and caption with what was written.

    Args:
        manifest: The design.
        training: The folder that was trained on.
        holdout: The folder of what was kept out.

    Returns:
        A sentence on what was compared.

    Raises:
        DesignError: Naming the files that are not what the coins decided.
    """
    entries = manifest.entries
    written = {
        file.sha256: FileNow(entry.pixels, f"the image of {entry.id!r}") for entry in entries for file in entry.files
    }
    captioned = LAYOUTS[manifest.layout].captioned
    now = files_now(training, written, hidden=not captioned)
    if captioned:
        now.pop(METADATA, None)
    _refuse(survival(entries, now), training)
    if captioned:
        _refuse(caption_survival(entries, captions_now(training)), training)
    _refuse(losses(files_of(entries, HOLDOUT), files_now(holdout, written)), holdout)
    with_captions = ", with their captions," if captioned else ""
    return (
        f"Survival scan: the training folder holds the {len(now)} files that the coins let in{with_captions} and no "
        "others."
    )


def _refuse(found: Mapping[str, Sequence[str]], folder: Path) -> None:
    wrong = "; ".join(f"{len(names)} {kind}: {listed(names)}" for kind, names in found.items() if names)
    if wrong:
        raise DesignError(
            f"{folder} is not what the coins decided: {wrong}. If the model was trained on this, the coins do not tell "
            "its members. If the folder was changed afterwards, restore what the design wrote, or give the folder that "
            "was trained on as `train_dir`."
        )


def files_now(folder: Path, written: Mapping[str, FileNow], hidden: bool = False) -> dict[str, FileNow]:
    """Place in a folder → what is there now.

    Args:
        folder: The folder.
        written: SHA-256 of a written file → what it shows, so that it need not be decoded.
        hidden: Whether hidden files count, as they do for DreamBooth's scripts, which open every file.

    Raises:
        DesignError: If there is no such folder, or a file cannot be read.
    """
    if not folder.is_dir():
        raise DesignError(
            f"There is no folder {folder}. Give the folder of a design, and as `train_dir` what was trained on."
        )
    names = _names(folder, hidden)
    try:
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            return dict(zip(names, pool.map(lambda name: _seen(folder / name, written), names), strict=True))
    except OSError as error:
        raise DesignError(
            f"{error.filename} cannot be read ({error.strerror}). Remove it, or make it readable."
        ) from error


def captions_now(folder: Path) -> dict[str, list[str | None]]:
    """Place of an image in a training folder → its captions in the list there.

    Raises:
        DesignError: If there is no list, or it is none.
    """
    file, captions = folder / METADATA, dict[str, list[str | None]]()
    try:
        for line in file.read_text(encoding="utf-8").split("\n"):
            if line.strip():
                row = json.loads(line)
                text = row.get(CAPTION)
                own = captions.setdefault(PurePosixPath(row["file_name"]).as_posix(), [])
                own.append(text if isinstance(text, str) else None)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DesignError(
            f"{file} is not there, or not as the design wrote it ({type(error).__name__}: {error}). The captions that "
            "the model was trained with must stand in it: restore the file that was trained with."
        ) from error
    return captions


def _names(folder: Path, hidden: bool) -> list[str]:
    files = [file for file in sorted(folder.rglob("*")) if file.is_symlink() or not file.is_dir()]
    places = [file.relative_to(folder) for file in files]
    return [place.as_posix() for place in places if hidden or not any(part.startswith(".") for part in place.parts)]


def _seen(file: Path, written: Mapping[str, FileNow]) -> FileNow:
    with file.open("rb") as opened:
        known = written.get(hashlib.file_digest(opened, "sha256").hexdigest())
    if known is not None:
        return known
    try:
        return FileNow.of(open_rgb(file))
    except OSError:
        return FileNow("", "not readable as an image")
