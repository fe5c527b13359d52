"""One shard of a store: images in a safetensors file, and a parquet index that says what they are."""

import hashlib
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import final

import pyarrow as pa
import pyarrow.parquet as pq
import safetensors.torch
import torch
from safetensors import safe_open
from torch import Tensor

from lit_mia.errors import StoreError
from lit_mia.files import replacing

COLUMNS = ("key", "record_id", "prompt", "seed", "image_sha256")


class DamagedShardError(Exception):
    """The two files of a shard do not hold what was written."""


@final
@dataclass(frozen=True)
class Shard:
    """The index of a shard in memory; the images stay on the disk.

    Attributes:
        path: The parquet file; the images are next to it with the suffix `.safetensors`.
        table: One row per image with the columns key, record_id, prompt, seed and image_sha256.
        n_bytes: Size of the image file.
        seconds: How long the target took for the images that were timed.
        timed: How many were.
    """

    path: Path
    table: pa.Table
    n_bytes: int
    seconds: float
    timed: int

    @property
    def keys(self) -> list[str]:
        """The keys of the images, in the order of the rows."""
        keys: list[str] = self.table["key"].to_pylist()
        return keys

    def images(self, rows: Sequence[int]) -> Tensor:
        """Read some rows: uint8 `[len(rows), 3, h, w]`."""
        with safe_open(images_path(self.path), framework="pt") as file:
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
    columns = [list(column) for column in zip(*rows, strict=True)]
    return pa.table(dict(zip(COLUMNS, [*columns, hashes], strict=True)))


def write_shard(folder: Path, table: pa.Table, images: Tensor, seconds: float, timed: int) -> Shard:
    """Write a new shard; it exists for readers once both files are complete. Names sort by the time of writing."""
    path = folder / f"shard-{time.time_ns():x}-{uuid.uuid4().hex[:8]}.parquet"
    data = safetensors.torch.save({"images": images.contiguous()})
    metadata = {"sha256": hashlib.sha256(data).hexdigest(), "seconds": repr(seconds), "timed": str(timed)}
    indexed = table.append_column("row", pa.array(range(len(table)), pa.int64())).replace_schema_metadata(metadata)
    with replacing(images_path(path)) as temporary:
        temporary.write_bytes(data)
    with replacing(path) as temporary:
        pq.write_table(indexed, temporary, write_page_checksum=True)
    return Shard(path, table, len(data), seconds, timed)


def open_shard(path: Path) -> Shard:
    """Read the index at `path` and check the images against their checksum.

    Raises:
        DamagedShardError: If a file is missing or altered.
        StoreError: If this user may not read a file: asking again would pay twice for answers that are there.
    """
    try:
        with pq.ParquetFile(path, page_checksum_verification=True) as opened:
            table = opened.read()
        metadata = table.schema.metadata or {}
        with images_path(path).open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        if found != metadata[b"sha256"].decode():
            raise DamagedShardError("its images do not match their checksum")
        index = table.select(list(COLUMNS)).replace_schema_metadata(None)
        n_bytes = images_path(path).stat().st_size
        return Shard(path, index, n_bytes, float(metadata[b"seconds"]), int(metadata[b"timed"]))
    except PermissionError as error:
        raise StoreError(f"{error.filename or path} may not be read by this user. Change its permissions.") from error
    except FileNotFoundError as error:
        raise DamagedShardError("one of its two files is missing") from error
    except (OSError, ValueError, KeyError) as error:
        raise DamagedShardError(f"its index cannot be read ({type(error).__name__})") from error
