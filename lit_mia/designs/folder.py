"""A design as a folder: written file by file, gone on with where it was left, and never changed once it is whole."""

import hashlib
import io
import json
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Self, final

from filelock import FileLock, Timeout
from PIL import Image

from lit_mia.batches import slices
from lit_mia.designs.coins import file_name
from lit_mia.designs.drawing import Plan
from lit_mia.designs.layouts import LAYOUTS, METADATA, metadata_lines
from lit_mia.designs.manifest import COINS, HOLDOUT, PUBLIC, SECRET, TRAIN, Entry, Manifest, WrittenFile
from lit_mia.errors import DesignError, FolderError
from lit_mia.features.pixels import pixel_digest
from lit_mia.files import key_digest, replacing, write_whole

DRAFT = Path(SECRET, "draft.json")
"""What is being written; it comes first and goes last."""
LOCK = Path(SECRET, "lock")
"""Keeps two processes from writing at once."""
_WRITTEN_AT = 946684800
"""Time of change of every file: 2000-01-01."""
_BATCH = 64


@final
@dataclass(frozen=True)
class Begun:
    """What a folder holds of a design.

    Attributes:
        seed: Its seed; None if the folder is empty or not there.
        digest: Of what is designed.
        finished: Whether it is whole.
    """

    seed: str | None = None
    digest: str | None = None
    finished: bool = False

    @classmethod
    def read(cls, folder: Path) -> Self:
        """What is there.

        Raises:
            DesignError: If the folder holds anything else, or cannot be read.
        """
        try:
            return cls._read(folder)
        except OSError as error:
            raise DesignError(f"{folder} cannot be looked into ({error.strerror}). Give another `--output`.") from error

    @classmethod
    def _read(cls, folder: Path) -> Self:
        if (folder / DRAFT).is_file():
            return cls(*_draft(folder / DRAFT))
        if (folder / COINS).is_file():
            manifest = Manifest.read(folder)
            return cls(manifest.seed, _digest(manifest), finished=True)
        begun = {folder / LOCK, *filter(_is_unfinished, (folder / SECRET).glob("*"))}
        if folder.is_file() or any(path.is_file() and path not in begun for path in folder.rglob("*")):
            raise DesignError(
                f"{folder} is there already and is no design. Give the `--output` of a new or empty folder."
            )
        return cls()

    def check(self, folder: Path, plan: Plan) -> None:
        """Refuse to go on with other records, settings or another seed.

        Raises:
            DesignError: If what was begun is not this plan.
        """
        if self.digest not in (None, _digest(plan.manifest)):
            state = "holds" if self.finished else "holds the beginning of"
            raise DesignError(
                f"{folder} {state} a design of other records, settings or seed, and coins are never tossed again. Go "
                "back to those, or give another `--output`."
            )


def _draft(path: Path) -> tuple[str, str]:
    try:
        draft = json.loads(path.read_text(encoding="utf-8"))
        return draft["seed"], draft["digest"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DesignError(f"{path} cannot be read ({error}). Remove {path.parent.parent}, and begin anew.") from error


def write(plan: Plan, folder: Path) -> Manifest:
    """Write a design, or what is missing of it.

    Args:
        plan: The design.
        folder: Where to; new, empty, or the beginning of the same design.

    Returns:
        The design with its files.

    Raises:
        DesignError: If a file cannot be written, an image is another than before, a foreign file is in the way, or
            another process writes there.
    """
    try:
        (folder / SECRET).mkdir(mode=0o700, parents=True, exist_ok=True)
        with FileLock(folder / LOCK, timeout=0):
            Begun.read(folder).check(folder, plan)
            _begin(plan, folder)
            manifest = _write_files(plan, folder)
            manifest.write(folder)
            (folder / DRAFT).unlink()
        (folder / LOCK).unlink(missing_ok=True)
    except Timeout as error:
        raise DesignError(f"Another process is writing the design in {folder}. Wait until it has finished.") from error
    except (OSError, FolderError) as error:
        cause = error.__cause__ if isinstance(error, FolderError) else error  # that says of a folder what this does
        raise DesignError(
            f"The design in {folder} cannot be written whole ({getattr(cause, 'strerror', None) or error}). Mend that "
            "and run the same command again: it goes on from there, with the same coins."
        ) from error
    return manifest


def _begin(plan: Plan, folder: Path) -> None:
    draft = {"seed": plan.manifest.seed, "digest": _digest(plan.manifest)}
    write_whole(folder / DRAFT, json.dumps(draft))
    expected = {TRAIN, HOLDOUT, SECRET, *map(str, (DRAFT, LOCK, COINS, PUBLIC))}
    expected |= {f"{side}/{METADATA}" for side in (TRAIN, HOLDOUT)}
    expected |= {path for entry in plan.manifest.entries for path in _paths(entry, plan.manifest.salt)}
    for path in folder.rglob("*"):
        if _is_unfinished(path):
            path.unlink()
        elif path.relative_to(folder).as_posix() not in expected:
            raise DesignError(f"{path} is not of this design, but would be trained on or kept with it. Take it away.")


def _is_unfinished(path: Path) -> bool:
    """Whether a file was left by a process that was killed while it wrote."""
    return path.name.startswith(".") and path.suffix == ".tmp"


def _write_files(plan: Plan, folder: Path) -> Manifest:
    salt = plan.manifest.salt
    entries = sorted(plan.manifest.entries, key=lambda entry: file_name(salt, entry.id, 0))  # no side comes first
    whole: list[Entry] = []
    with ThreadPoolExecutor() as pool:
        for part in slices(len(entries), _BATCH):
            whole += pool.map(lambda entry: _written(plan, folder, entry), entries[part])
    for side in (TRAIN, HOLDOUT) if LAYOUTS[plan.manifest.layout].captioned else ():
        captions = {
            Path(file.path).name: entry.caption
            for entry in whole
            for file in entry.files
            if Path(file.path).parent.name == side
        }
        _put(folder / side / METADATA, metadata_lines(captions))
    return replace(plan.manifest, entries=tuple(sorted(whole, key=lambda entry: entry.id)))


def _written(plan: Plan, folder: Path, entry: Entry) -> Entry:
    """An entry whose files are there."""
    there = {path: _whole(folder / path, entry) for path in _paths(entry, plan.manifest.salt)}
    content = next(filter(None, there.values()), None) or _png(plan, entry)
    for path, found in there.items():
        if found != content:
            _put(folder / path, content)
    digest = hashlib.sha256(content).hexdigest()
    return replace(entry, files=tuple(WrittenFile(path, digest) for path in there))


def _whole(path: Path, entry: Entry) -> bytes | None:
    """What a file holds that an interrupted run has left, if that is the image of its entry."""
    if not path.is_file():
        return None
    content = path.read_bytes()
    try:
        with Image.open(io.BytesIO(content)) as image:
            return content if pixel_digest(image).hex() == entry.pixels else None
    except Exception:  # decoders raise anything over half a file
        return None


def _paths(entry: Entry, salt: str) -> Iterator[str]:
    side, copies = (TRAIN, entry.copies) if entry.included else (HOLDOUT, 1)
    return (f"{side}/{file_name(salt, entry.id, copy)}" for copy in range(copies))


def _png(plan: Plan, entry: Entry) -> bytes:
    try:
        image = plan.open_image(entry)
    except Exception as error:
        raise DesignError(f"The image of {entry.id} could be read before, but not now: {error}") from error
    if pixel_digest(image).hex() != entry.pixels:
        raise DesignError(f"The image of {entry.id} was changed while the design was made. Run the command again.")
    file = io.BytesIO()
    Image.frombytes("RGB", image.size, image.tobytes()).save(file, "PNG")  # anew, so that no metadata comes along
    return file.getvalue()


def _put(path: Path, content: bytes) -> None:
    with replacing(path) as temporary:
        temporary.write_bytes(content)
        os.utime(temporary, (_WRITTEN_AT, _WRITTEN_AT))


def _digest(manifest: Manifest) -> str:
    """Of everything but the files."""
    return key_digest(asdict(replace(manifest, entries=tuple(replace(entry, files=()) for entry in manifest.entries))))
