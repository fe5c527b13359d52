"""The files of a store: shards of images, each with an index that says what they are, and what a target refused."""

import errno
import hashlib
import json
import logging
import math
import struct
import time
import uuid
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import final

import pyarrow as pa
import pyarrow.parquet as pq
import torch
from safetensors import safe_open
from torch import Tensor

from lit_mia.errors import StoreError
from lit_mia.files import replacing

logger = logging.getLogger(__name__)

COLUMNS = ("key", "record_id", "prompt", "seed", "image_sha256")


class DamagedShardError(Exception):
    """The two files of a shard do not hold what was written."""


@final
@dataclass(frozen=True)
class Shard:
    """What is kept in memory of a shard; its index and its images stay on the disk.

    Attributes:
        path: The parquet file; the images are next to it with the suffix `.safetensors`.
        n: Number of images.
        n_bytes: Size of the image file.
        seconds: How long the target took for the images that were timed.
        timed: How many were.
    """

    path: Path
    n: int
    n_bytes: int
    seconds: float
    timed: int

    def table(self, columns: Sequence[str] = COLUMNS) -> pa.Table:
        """Read some columns of the index, one row per image.

        Raises:
            FileNotFoundError: If another process has merged the shard.
        """
        return _index(self.path).select(list(columns)).replace_schema_metadata(None)

    def images(self, rows: Sequence[int]) -> Tensor:
        """Read some rows: uint8 `[len(rows), 3, h, w]`.

        Raises:
            FileNotFoundError: If another process has merged the shard.
        """
        try:
            opened = safe_open(images_path(self.path), framework="pt")
        except Exception as error:  # of several kinds, by the release of safetensors
            if images_path(self.path).exists():
                raise
            raise FileNotFoundError(errno.ENOENT, "It was merged", str(images_path(self.path))) from error
        with opened as file:
            images = file.get_slice("images")
            return torch.stack([images[row] for row in rows])

    def delete(self) -> None:
        """Remove both files, the index first: images without an index are ignored."""
        self.path.unlink(missing_ok=True)
        images_path(self.path).unlink(missing_ok=True)


def images_path(path: Path) -> Path:
    """Where the images of the index at `path` are."""
    return path.with_suffix(".safetensors")


def make_table(rows: Sequence[tuple[str, str, str, int]], images: Tensor) -> pa.Table:
    """The index of `images`, whose key, record id, prompt and seed are in `rows`."""
    hashes = [hashlib.sha256(image.numpy().tobytes()).hexdigest() for image in images]
    return pa.table(dict(zip(COLUMNS, [*map(list, zip(*rows, strict=True)), hashes], strict=True)))


def write_shard(
    folder: Path, table: pa.Table, images: Iterable[Tensor], *, seconds: float = 0.0, timed: int = 0
) -> Shard:
    """Write a new shard; it exists for readers once both files are complete. Names sort by the time of writing.

    Args:
        folder: Where.
        table: The index.
        images: The images in parts, of which one at a time is in memory.
        seconds: See `Shard`.
        timed: See `Shard`.

    Raises:
        StoreError: If the images are of several sizes.
    """
    path = folder / f"shard-{time.time_ns():x}-{uuid.uuid4().hex[:8]}.parquet"
    with replacing(path) as index, replacing(images_path(path)) as temporary:
        index.touch()  # while it is there, the images are not lost ones
        n_bytes, digest = _write_images(temporary, len(table), images)
        metadata = {"sha256": digest, "seconds": repr(seconds), "timed": str(timed)}
        rows = pa.array(range(len(table)), pa.int64())
        indexed = table.append_column("row", rows).replace_schema_metadata(metadata)
        pq.write_table(indexed, index, write_page_checksum=True)
    return Shard(path, len(table), n_bytes, seconds, timed)


def _write_images(file: Path, n: int, parts: Iterable[Tensor]) -> tuple[int, str]:
    """Write a file as `safetensors.torch.save` makes it of all images together; its size and SHA-256."""
    digest, form = hashlib.sha256(), None
    with file.open("wb") as opened:
        for part in parts:
            if form is None:
                form = part.shape[1:]
                digest.update(start := _head((n, *form)))
                opened.write(start)
            if part.shape[1:] != form:
                sizes = " and ".join(f"{width} x {height}" for _, height, width in (form, part.shape[1:]))
                raise StoreError(f"The images of a store must have one size, but those in {file.parent} have {sizes}.")
            data = part.contiguous().numpy().data
            digest.update(data)
            opened.write(data)
        return opened.tell(), digest.hexdigest()


def _head(shape: Sequence[int]) -> bytes:
    """What stands before the values of a safetensors file that holds `images` alone, uint8 of that shape."""
    told = {"images": {"dtype": "U8", "shape": shape, "data_offsets": [0, math.prod(shape)]}}
    text = json.dumps(told, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text


def lost_images(folder: Path, known: Collection[str]) -> list[str]:
    """Names of shards that have images but no index, and of which no process is writing the index.

    Args:
        folder: Folder of the shards.
        known: Those that have one.
    """
    without = {path.stem for path in folder.glob("shard-*.safetensors")} - set(known)
    begun = {name for name in without if any(folder.glob(f".*-{name}.parquet.tmp"))}
    return sorted(name for name in without - begun if not (folder / f"{name}.parquet").exists())


def open_shard(path: Path) -> tuple[Shard, list[str]]:
    """Read the index at `path`, and check the images against their checksum.

    Returns:
        The shard, and the keys of its images in the order of the rows.

    Raises:
        DamagedShardError: If a file is missing or altered.
        StoreError: If this user may not read a file: asking again would pay twice for answers that are there.
    """
    try:
        table = _index(path)
        metadata = table.schema.metadata or {}
        with images_path(path).open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        if found != metadata[b"sha256"].decode():
            raise DamagedShardError("its images do not match their checksum")
        shard = Shard(
            path=path,
            n=len(table.select(list(COLUMNS))),
            n_bytes=images_path(path).stat().st_size,
            seconds=float(metadata[b"seconds"]),
            timed=int(metadata[b"timed"]),
        )
        return shard, table["key"].to_pylist()
    except PermissionError as error:
        raise StoreError(f"{error.filename or path} may not be read by this user. Change its permissions.") from error
    except FileNotFoundError as error:
        raise DamagedShardError("one of its two files is missing") from error
    except (OSError, ValueError, KeyError) as error:
        raise DamagedShardError(f"its index cannot be read ({type(error).__name__})") from error


def _index(path: Path) -> pa.Table:
    """The whole index, page by page compared with the checksums."""
    with pq.ParquetFile(path, page_checksum_verification=True, pre_buffer=False) as opened:
        return opened.read()


def write_named(folder: Path, data: bytes, prefix: str, suffix: str) -> Path:
    """Write a new file that is named by its checksum; names sort by the time of writing."""
    path = folder / f"{prefix}{time.time_ns():x}-{hashlib.sha256(data).hexdigest()}{suffix}"
    with replacing(path) as temporary:
        temporary.write_bytes(data)
    return path


def is_whole(file: Path, lost: str) -> bool:
    """Whether a file of `write_named` holds what was written; a damaged one is reported.

    Args:
        file: The file.
        lost: What is asked again if it is damaged, for the report.
    """
    with file.open("rb") as opened:
        whole = hashlib.file_digest(opened, "sha256").hexdigest() == file.stem.split("-")[-1]
    if not whole:
        logger.warning("%s is damaged and ignored; its %s will be asked again. You may delete it.", file, lost)
    return whole


@final
@dataclass
class Refusals:
    """Keys and reasons in a folder, one small JSON file per call of `add`, each named by its checksum.

    Any number of processes may add to one folder at the same time. A damaged file is reported and ignored, so its
    queries will be asked again.

    Attributes:
        folder: The folder, which must exist.
    """

    folder: Path
    _read: dict[str, dict[str, str]] = field(default_factory=dict, repr=False)
    _merged: tuple[list[Path], dict[str, str]] = field(default_factory=lambda: ([], {}), repr=False)

    def add(self, reasons: Mapping[str, str]) -> None:
        """Keep some refusals, all of them or, after a crash, none.

        Args:
            reasons: Key of the query → reason of the target.
        """
        write_named(self.folder, json.dumps(dict(reasons)).encode(), "refused-", ".json")

    def reasons(self) -> Mapping[str, str]:
        """Key → reason of all refusals, including those of other processes; of two reasons the earlier one counts."""
        files = self._files()
        if files == self._merged[0]:
            return self._merged[1]
        try:
            for file in files:
                if file.name not in self._read:
                    self._read[file.name] = json.loads(file.read_bytes()) if is_whole(file, "queries") else {}
        except FileNotFoundError:  # another process has just merged it
            return self.reasons()
        reasons = {key: reason for file in reversed(files) for key, reason in self._read[file.name].items()}
        self._merged = files, reasons
        return reasons

    def compact(self) -> None:
        """Merge all files into one; a crash in the middle leaves some refusals in two files, never in none."""
        reasons, files = self.reasons(), self._files()
        old = [file for file in files if self._read.get(file.name)]
        if len(old) > 1:
            self.add(reasons)
            for file in old:
                file.unlink(missing_ok=True)

    @property
    def in_one_file(self) -> bool:
        """Whether there is nothing to merge."""
        return len(self._files()) < 2

    def _files(self) -> list[Path]:
        return sorted(self.folder.glob("refused-*.json"))
