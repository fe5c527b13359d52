"""The on-disk, content-addressed, resumable collection of the observations of one target."""

import json
import logging
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Protocol, TypeVar, final

import pyarrow as pa
import torch
from torch import Tensor

from lit_mia.dry_run import read_at
from lit_mia.errors import FolderError, StoreError
from lit_mia.files import key_digest, replacing
from lit_mia.folders import check_room
from lit_mia.models import FingerprintValue
from lit_mia.queries.claims import alone_in
from lit_mia.queries.store_files import (
    DamagedShardError,
    Refusals,
    Shard,
    lost_images,
    make_table,
    open_shard,
    write_shard,
)
from lit_mia.targets.base import Answers

SHARD_BYTES = 64 * 2**20
INDEX_BYTES = 2**14
"""More than the two files of an answer that comes alone take beside its image."""
File = TypeVar("File", str, Path)

logger = logging.getLogger(__name__)


class StoreEntry(Protocol):
    """A query whose answer can be stored."""

    @property
    def key(self) -> str:
        """What the answer is found by."""

    @property
    def record_id(self) -> str:
        """The record that the query was made for."""

    @property
    def prompt(self) -> str:
        """The text that was sent."""

    @property
    def seed(self) -> int:
        """The seed that was sent."""


@final
class Store:
    """The images that one target has drawn, each found by the key of its query, and the queries that it refused.

    The checksum of a shard is verified once, when this object first sees the shard: at opening, or later if another
    process wrote it. Shards that fail are reported and ignored, so their queries count as missing. Any number of
    processes may append to one folder at the same time; one thread may append while another asks what is lacking.
    """

    def __init__(self, path: str | Path, fingerprint: Mapping[str, FingerprintValue]) -> None:
        """Open the store in a folder, which is made if it does not exist.

        Args:
            path: The folder.
            fingerprint: The target's; answers of another target are refused.

        Raises:
            StoreError: If the folder holds the answers of another target, or is no store.
        """
        self.path = Path(path).expanduser()
        self._known = threading.RLock()  # held by who looks at, or changes, what is known of the files
        self._shards: dict[str, Shard] = {}
        self._places: dict[str, tuple[str, int]] = {}
        self._written: set[str] = set()
        self._damaged: set[str] = set()
        claim(self.path, dict(fingerprint))
        self._refusals = Refusals(self.path)
        self._refresh()
        for orphan in lost_images(self.path, self._shards.keys() | self._damaged):
            self._report(orphan, "one of its two files is missing")

    def keys(self) -> set[str]:
        """The keys of all answers, including those that other processes have added since."""
        self._refresh()
        return set(self._places)

    def lacks(self, keys: Sequence[str]) -> list[str]:
        """Those of some keys that were neither answered nor refused yet, by this or another process."""
        self._refresh()
        refused = self._refusals.reasons()
        with self._known:
            return [key for key in keys if key not in self._places and key not in refused]

    def check_room(self, n: int) -> None:
        """Refuse to go on where some more answers, as large as the largest ones here, could not be kept.

        Args:
            n: How many.

        Raises:
            FolderError: If the disk has no room for them.
        """
        with self._known:
            shards = list(self._shards.values())
        largest = max((shard.n_bytes // max(len(shard.table), 1) for shard in shards), default=0)
        check_room(self.path, n * (largest + INDEX_BYTES))

    def keep(self, asked: Sequence[StoreEntry], part: Answers, seconds: float | None = None) -> None:
        """Keep some answers of a target, and what it refused.

        Args:
            asked: The queries in which the positions of the answers count.
            part: The answers.
            seconds: See `append`.
        """
        if part.rows:
            self.append([asked[row] for row in part.rows], part.images, seconds)
        if part.refused:
            self.refuse({asked[row].key: reason for row, reason in part.refused.items()})

    def append(self, entries: Sequence[StoreEntry], images: Tensor, seconds: float | None = None) -> None:
        """Keep the answers to some queries as one new shard.

        Args:
            entries: The queries.
            images: Their answers in the same order, uint8 `[len(entries), 3, h, w]`.
            seconds: How long the target took; None leaves the answers out of `seconds_per_image`.

        Raises:
            StoreError: If the images are not of that form.
        """
        if images.dtype != torch.uint8 or images.ndim != 4 or images.shape[:2] != (len(entries), 3):
            raise StoreError(
                f"A store keeps uint8 images [{len(entries)}, 3, h, w] for {len(entries)} queries, "
                f"but got {images.dtype} {list(images.shape)}."
            )
        rows = [(entry.key, entry.record_id, entry.prompt, entry.seed) for entry in entries]
        self._write(make_table(rows, images), images, seconds or 0.0, 0 if seconds is None else len(entries))

    def refuse(self, reasons: Mapping[str, str]) -> None:
        """Keep that the target refuses some queries: missing observations, which are never asked again.

        Args:
            reasons: Key of the query → reason of the target.
        """
        self._refusals.add(reasons)

    def refused(self) -> dict[str, str]:
        """Key → reason of the queries that were refused; one that was answered at another time is not among them."""
        held = self.keys()
        return {key: reason for key, reason in self._refusals.reasons().items() if key not in held}

    def read(self, keys: Sequence[str]) -> Tensor:
        """The answers to some queries, in the order of the keys: uint8 `[len(keys), 3, h, w]`.

        Raises:
            StoreError: If an answer is not stored.
        """
        self._refresh()
        try:
            return self._read(keys)
        except FileNotFoundError:  # another process has just merged shards
            self._refresh()
            return self._read(keys)

    def digest(self) -> str:
        """SHA-256 over all keys and their images or reasons of refusal, whatever files they are in."""
        refused = [(key, f"refused: {reason}") for key, reason in self.refused().items()]
        hashes = {name: shard.table["image_sha256"].to_pylist() for name, shard in self._shards.items()}
        images = [(key, hashes[name][row]) for key, (name, row) in self._places.items()]
        return key_digest(sorted(images + refused))

    @property
    def seconds_per_image(self) -> float | None:
        """The target's mean time per image in earlier fills, or None if no answer was timed."""
        timed = sum(shard.timed for shard in self._shards.values())
        return sum(shard.seconds for shard in self._shards.values()) / timed if timed else None

    def compact(self, mine: bool = False) -> None:
        """Merge small shards into shards of up to 64 MiB, and all refusals into one file.

        A crash in the middle leaves some answers in two shards, never in none. Where the folder cannot be written,
        such as that of a complete store, all stays as it is.

        Args:
            mine: Only those that this object wrote: several processes that merge the same shards would each keep
                a copy.
        """
        self._refresh()
        if not self._groups(mine) and self._refusals.in_one_file:
            return
        try:
            with alone_in(self.path):
                self._refresh()
                for group in self._groups(mine):
                    self._merge(group)
                self._refusals.compact()
        except FolderError as error:
            logger.warning("The files of the store %s are not merged. %s", self.path, error)

    def _groups(self, mine: bool) -> list[list[Shard]]:
        return list(_groups([s for name, s in sorted(self._shards.items()) if name in self._written or not mine]))

    def _merge(self, shards: Sequence[Shard]) -> None:
        tables, images = [], []
        for shard in shards:
            rows = [row for row, key in enumerate(shard.keys) if self._places.get(key) == (shard.path.stem, row)]
            if rows:
                tables.append(shard.table.take(rows))
                images.append(shard.images(rows))
        if tables:
            seconds, timed = sum(s.seconds for s in shards), sum(s.timed for s in shards)
            self._write(pa.concat_tables(tables), torch.cat(images), seconds, timed)
        for shard in shards:
            shard.delete()
        self._refresh()

    def _write(self, table: pa.Table, images: Tensor, seconds: float, timed: int) -> None:
        shard = write_shard(self.path, table, images, seconds, timed)
        with self._known:
            self._written.add(shard.path.stem)
            self._add(shard)

    def _read(self, keys: Sequence[str]) -> Tensor:
        absent = sum(key not in self._places for key in keys)
        if absent:
            refused = len(self.refused().keys() & set(keys))
            raise StoreError(
                f"{absent} of {len(keys)} answers are not in the store {self.path} ({refused} were refused by the "
                "target). Run `lit-mia query` with the same configuration first."
            )
        places = [self._places[key] for key in keys]
        return gathered(places, lambda name, rows: self._shards[name].images(rows), torch.empty(0, 3, 0, 0).byte())

    def _refresh(self) -> None:
        """Take note of the shards that this and other processes have added or removed."""
        with self._known:
            present = {path.stem for path in self.path.glob("shard-*.parquet")}
            gone = self._shards.keys() - present
            if gone:
                self._shards = {name: shard for name, shard in self._shards.items() if name not in gone}
                self._places = {}
                for shard in self._shards.values():
                    self._add(shard)
            for name in sorted(present - self._shards.keys() - self._damaged):
                self._open(self.path / f"{name}.parquet")

    def _open(self, path: Path) -> None:
        try:
            self._add(open_shard(path))
        except DamagedShardError as damage:
            if path.exists():  # else another process has just merged it
                self._damaged.add(path.stem)
                self._report(path.stem, str(damage))

    def _add(self, shard: Shard) -> None:
        name = shard.path.stem
        self._shards[name] = shard
        for row, key in enumerate(shard.keys):
            place = (name, row)
            self._places[key] = min(place, self._places.get(key, place))  # of two answers the earlier one counts

    def _report(self, name: str, reason: str) -> None:
        logger.warning(
            "Shard %s of the store %s is ignored: %s. Its answers will be asked again; you may delete it.",
            name,
            self.path,
            reason,
        )


def gathered(places: Sequence[tuple[File, int]], read: Callable[[File, list[int]], Tensor], nothing: Tensor) -> Tensor:
    """Rows of several files in one tensor, each file read once.

    Args:
        places: File and row of each.
        read: Reads some rows of a file.
        nothing: What there is of no places.
    """
    wanted: dict[File, list[int]] = {}
    for position, (file, _) in enumerate(places):
        wanted.setdefault(file, []).append(position)
    whole = nothing
    for file, positions in wanted.items():
        values = read(file, [places[position][1] for position in positions])
        if whole is nothing:
            whole = values.new_empty(len(places), *values.shape[1:])
        whole[positions] = values
    return whole


def claim(path: Path, fingerprint: dict[str, FingerprintValue]) -> None:
    """Make the folder a store of the target with this fingerprint, or check that it is one.

    Raises:
        StoreError: If the folder holds the answers of another target, or is no store.
    """
    file = path / "fingerprint.json"
    if path.is_file():
        raise StoreError(f"The store {path} cannot be opened: it is a file. Choose another `store:` folder.")
    try:
        if not read_at(file).exists():
            if any(any(path.glob(files)) for files in ("shard-*", "*.safetensors", "refused-*")):
                raise StoreError(f"The store {path} has lost its fingerprint.json. Choose another `store:` folder.")
            with replacing(file) as temporary:
                temporary.write_text(json.dumps(fingerprint, indent=2, sort_keys=True), encoding="utf-8")
        stored = dict(json.loads(read_at(file).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise StoreError(f"The store {path} cannot be opened: {error}. Choose another `store:` folder.") from error
    fields = sorted(name for name in stored.keys() | fingerprint.keys() if stored.get(name) != fingerprint.get(name))
    if fields:
        listed = "; ".join(f"{name}: store {stored.get(name)}, target {fingerprint.get(name)}" for name in fields)
        raise StoreError(
            f"The store {path} holds the answers of another target ({listed}). Choose another `store:` folder, or "
            "delete this one."
        )


def _groups(shards: Sequence[Shard]) -> Iterator[list[Shard]]:
    """Sets of two or more small shards that together fit into one."""
    group: list[Shard] = []
    size = 0
    for shard in (shard for shard in shards if shard.n_bytes <= SHARD_BYTES // 2):
        if size + shard.n_bytes > SHARD_BYTES:
            yield group
            group, size = [], 0
        group.append(shard)
        size += shard.n_bytes
    if len(group) > 1:
        yield group
