"""The on-disk, content-addressed, resumable collection of the observations of one target."""

import json
import logging
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Protocol, TypeVar, final

import numpy as np
import pyarrow as pa
import torch
from numpy.typing import NDArray
from torch import Tensor

from lit_mia.dry_run import read_at
from lit_mia.errors import FolderError, StoreError
from lit_mia.files import list_digest, write_whole
from lit_mia.folders import check_room
from lit_mia.models import FingerprintValue
from lit_mia.queries.claims import alone_in
from lit_mia.queries.places import Place, Places, digests, gathered
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

SHARD_BYTES, SHARD_ROWS = 64 * 2**20, 4096
"""A shard that is merged of others has no more of either."""
INDEX_BYTES = 2**14
"""More than the two files of an answer that comes alone take beside its image."""
Read = TypeVar("Read")
_SAID = pa.schema([("key", pa.string()), ("image_sha256", pa.string())])
"""What the digest of a store is made of."""
AT_ONCE = 4096

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
        self._places = Places()
        self._written: set[str] = set()
        self._damaged: set[str] = set()
        claim(self.path, dict(fingerprint))
        self._refusals = Refusals(self.path)
        self._refresh()
        for orphan in lost_images(self.path, self._shards.keys() | self._damaged):
            self._report(orphan, "one of its two files is missing")

    def keys(self) -> set[str]:
        """The keys of all answers, including those that other processes have added since."""
        return self._seen(lambda: {key for table in self._tables("key") for key in table["key"].to_pylist()})

    def lacks(self, keys: Sequence[str]) -> list[str]:
        """Those of some keys that were neither answered nor refused yet, by this or another process."""
        self._refresh()
        refused = self._refusals.reasons()
        places = self._find(keys)
        return [key for key, place in zip(keys, places, strict=True) if place is None and key not in refused]

    def check_room(self, n: int) -> None:
        """Refuse to go on where some more answers, as large as the largest ones here, could not be kept.

        Args:
            n: How many.

        Raises:
            FolderError: If the disk has no room for them.
        """
        with self._known:
            shards = list(self._shards.values())
        largest = max((shard.n_bytes // max(shard.n, 1) for shard in shards), default=0)
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
        self._write(make_table(rows, images), [images], seconds or 0.0, 0 if seconds is None else len(entries))

    def refuse(self, reasons: Mapping[str, str]) -> None:
        """Keep that the target refuses some queries: missing observations, which are never asked again.

        Args:
            reasons: Key of the query → reason of the target.
        """
        self._refusals.add(reasons)

    def refused(self) -> dict[str, str]:
        """Key → reason of the queries that were refused; one that was answered at another time is not among them."""
        self._refresh()
        reasons = self._refusals.reasons()
        places = self._find(list(reasons))
        return {key: why for (key, why), place in zip(reasons.items(), places, strict=True) if place is None}

    def read(self, keys: Sequence[str]) -> Tensor:
        """The answers to some queries, in the order of the keys: uint8 `[len(keys), 3, h, w]`.

        Raises:
            StoreError: If an answer is not stored.
        """
        return self._seen(lambda: self._read(keys))

    def digest(self) -> str:
        """SHA-256 over all keys and their images or reasons of refusal, whatever files they are in."""
        refused = {key: f"refused: {reason}" for key, reason in self.refused().items()}
        none = pa.table({"key": [*refused], "image_sha256": [*refused.values()]}, _SAID)
        found = self._seen(lambda: pa.concat_tables([none, *self._tables(*_SAID.names)])).sort_by("key")
        parts = (zip(*part.to_pydict().values(), strict=True) for part in found.to_batches(AT_ONCE))
        return list_digest(map(list, parts))

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
            pa.default_memory_pool().release_unused()  # tens of MB, in which indexes were made
        except FolderError as error:
            logger.warning("The files of the store %s are not merged. %s", self.path, error)

    def _groups(self, mine: bool) -> list[list[Shard]]:
        return list(_groups([s for name, s in sorted(self._shards.items()) if name in self._written or not mine]))

    def _tables(self, *columns: str) -> Iterator[pa.Table]:
        """Columns of the index of one shard after another, of the answers that count."""
        for name, shard in self._shards.items():
            table = shard.table(columns)
            yield table.take(pa.array(self._rows_that_count(name, table), pa.int64()))

    def _seen(self, read: Callable[[], Read]) -> Read:
        """Read something from the shards as they are now."""
        self._refresh()
        try:
            return read()
        except FileNotFoundError:  # another process has just merged shards
            self._refresh()
            return read()

    def _merge(self, shards: Sequence[Shard]) -> None:
        tables = {shard.path.stem: shard.table() for shard in shards}
        counting = {name: self._rows_that_count(name, table) for name, table in tables.items()}
        kept = [(shard, rows) for shard, rows in zip(shards, counting.values(), strict=True) if rows]
        if kept:
            seconds, timed = sum(s.seconds for s in shards), sum(s.timed for s in shards)
            table = pa.concat_tables([tables[shard.path.stem].take(rows) for shard, rows in kept])
            self._write(table, (shard.images(rows) for shard, rows in kept), seconds, timed)
        for shard in shards:
            shard.delete()
        self._refresh()

    def _rows_that_count(self, name: str, table: pa.Table) -> list[int]:
        """Rows of a shard without those to whose queries another one holds an earlier answer."""
        places = self._find(table["key"].to_pylist())
        return [row for row, place in enumerate(places) if place == (name, row)]

    def _write(self, table: pa.Table, images: Iterable[Tensor], seconds: float, timed: int) -> None:
        shard = write_shard(self.path, table, images, seconds=seconds, timed=timed)
        name, keys = shard.path.stem, digests(table["key"].to_pylist())
        with self._known:
            self._written.add(name)
            if name not in self._shards:  # another thread may have found it meanwhile
                self._shards[name] = shard
                self._places.add({name: keys})

    def _read(self, keys: Sequence[str]) -> Tensor:
        found = self._find(keys)
        places = [place for place in found if place is not None]
        absent = len(found) - len(places)
        if absent:
            refused = len(self.refused().keys() & set(keys))
            raise StoreError(
                f"{absent} of {len(keys)} answers are not in the store {self.path} ({refused} were refused by the "
                "target). Run `lit-mia query` with the same configuration first."
            )
        return gathered(places, lambda name, rows: self._shards[name].images(rows), torch.empty(0, 3, 0, 0).byte())

    def _find(self, keys: Sequence[str]) -> list[Place | None]:
        with self._known:
            return self._places.find(keys)

    def _refresh(self) -> None:
        """Take note of the shards that this and other processes have added or removed."""
        with self._known:
            present = {path.stem for path in self.path.glob("shard-*.parquet")}
            if gone := self._shards.keys() - present:
                self._shards = {name: shard for name, shard in self._shards.items() if name not in gone}
                self._places = self._places.without(gone)
            new = sorted(present - self._shards.keys() - self._damaged)
            opened = [found for name in new if (found := self._open(self.path / f"{name}.parquet"))]
            self._shards |= {shard.path.stem: shard for shard, _ in opened}
            self._places.add({shard.path.stem: keys for shard, keys in opened})

    def _open(self, path: Path) -> tuple[Shard, NDArray[np.bytes_]] | None:
        try:
            shard, keys = open_shard(path)
        except DamagedShardError as damage:
            if path.exists():  # else another process has just merged it
                self._damaged.add(path.stem)
                self._report(path.stem, str(damage))
            return None
        return shard, digests(keys)

    def _report(self, name: str, reason: str) -> None:
        logger.warning(
            "Shard %s of the store %s is ignored: %s. Its answers will be asked again; you may delete it.",
            name,
            self.path,
            reason,
        )


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
            write_whole(file, json.dumps(fingerprint, indent=2, sort_keys=True))
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
    full = 0.0
    for shard in (shard for shard in shards if _share(shard) <= 1 / 2):
        if full + _share(shard) > 1:
            yield group
            group, full = [], 0.0
        group.append(shard)
        full += _share(shard)
    if len(group) > 1:
        yield group


def _share(shard: Shard) -> float:
    """How full a shard is."""
    return max(shard.n_bytes / SHARD_BYTES, shard.n / SHARD_ROWS)
