"""Who asks what at this moment, so that processes which fill one store together ask nothing twice."""

import json
import logging
import os
import socket
import time
import uuid
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Generic, NamedTuple, Self, TypeVar, final

from filelock import FileLock, Timeout

from lit_mia.folders import told_if_full, unwritable

logger = logging.getLogger(__name__)

FOLDER = "claims"
GATE = ".lock"
POLL_SECONDS = 0.2
"""How long to wait before looking again whether another process has stored its answers."""
Asked = TypeVar("Asked")


@contextmanager
def alone_in(store: Path) -> Iterator[None]:
    """While this lasts, no other process looks at the claims of a store, changes them, or merges its shards.

    Raises:
        FolderError: If the folder of the store cannot be written.
    """
    gate = FileLock(store / GATE)
    try:
        gate.acquire()
    except OSError as error:
        raise unwritable(store, error) from error
    try:
        yield
    finally:
        gate.release()


class Holder(NamedTuple):
    """A process that asks something.

    Attributes:
        pid: Its number.
        host: Its machine.
        since: When it began, in the time of that machine.
    """

    pid: int
    host: str
    since: str

    @classmethod
    def this(cls) -> Self:
        """This process."""
        return cls(os.getpid(), socket.gethostname(), datetime.now().isoformat(" ", "seconds"))

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host}, since {self.since}"


@final
class Claims(Generic[Asked]):
    """What this process and others are asking for one store.

    A claim is a small file that says who asks what, and a lock that the system releases when its process ends, however
    that may be. Claims are looked at and changed by one process at a time.

    Args:
        folder: Folder of the store.
        key: What each query is claimed by.
        lacking: Those of some queries that are not answered yet, by any process.
    """

    def __init__(
        self, folder: Path, key: Callable[[Asked], str], lacking: Callable[[Sequence[Asked]], Sequence[Asked]]
    ) -> None:
        self._folder, self._key, self._lacking = folder / FOLDER, key, lacking
        self._file = self._folder / f"{uuid.uuid4().hex}.json"
        self._lock = FileLock(_lock_of(self._file))
        self._told, self._last = "", list[str]()

    @contextmanager
    def batches(
        self, queries: Sequence[Asked], size: int, answered: Callable[[int], object] = int
    ) -> Iterator[Iterator[Sequence[Asked]]]:
        """What is to be asked, `size` at a time; each batch is claimed until the next but one is wanted, or the end.

        So its answers may be stored while the next batch is asked.

        What another process is asking is waited for, and asked here if that process ends without an answer.

        Args:
            queries: What shall be answered in the end.
            size: Most queries in a batch.
            answered: Is told how many were answered by other processes meanwhile.
        """
        try:
            yield self._batches(deque(queries), size, answered)
        finally:
            self._release()

    def _batches(self, left: deque[Asked], size: int, answered: Callable[[int], object]) -> Iterator[Sequence[Asked]]:
        while left:
            n = len(left)
            batch, holders = self._claim(left, size)
            answered(n - len(left) - len(batch))
            if batch:
                yield batch
            elif left:
                self._tell(len(left), holders)
                time.sleep(POLL_SECONDS)

    def _claim(self, left: deque[Asked], size: int) -> tuple[list[Asked], list[Holder]]:
        """Take a batch from the left, and say who is asking what stays there before it."""
        with alone_in(self._folder.parent):
            others = self._others()
            theirs = {key: holder for holder, keys in others for key in keys}
            batch, later = list[Asked](), list[Asked]()
            while left and len(batch) < size:
                part = [left.popleft() for _ in range(min(size - len(batch), len(left)))]
                later += [query for query in part if self._key(query) in theirs]
                batch += self._lacking([query for query in part if self._key(query) not in theirs])
            left.extendleft(reversed(later if batch else self._lacking(later)))
            if batch:
                keys = [self._key(query) for query in batch]
                self._put_down(self._last + keys)
                self._last = keys
        return batch, list(dict.fromkeys(theirs[self._key(query)] for query in later))

    def _others(self) -> list[tuple[Holder, list[str]]]:
        """What other processes are asking; the claims of those that have ended are taken away."""
        read = [
            _read(file.with_suffix(".json")) for file in self._folder.glob("*.lock") if file.stem != self._file.stem
        ]
        return [claim for claim in read if claim is not None]

    def _put_down(self, keys: Sequence[str]) -> None:
        claim = json.dumps({"holder": Holder.this(), "keys": keys}).encode()
        with told_if_full(self._folder):
            if not self._lock.is_locked:
                self._folder.mkdir(exist_ok=True)
                self._lock.acquire()
                self._file.touch()
            with self._file.open("rb+") as file:  # in place: nobody reads it meanwhile
                file.write(claim)
                file.truncate()

    def _release(self) -> None:
        if self._lock.is_locked:
            with alone_in(self._folder.parent):
                _remove(self._file)
                self._lock.release()

    def _tell(self, n: int, holders: Sequence[Holder]) -> None:
        told = " and ".join(map(str, holders))
        if told != self._told:
            logger.warning(
                "%d answers for %s are being asked for by %s: waiting for them.", n, self._folder.parent, told
            )
        self._told = told


def _read(file: Path) -> tuple[Holder, list[str]] | None:
    """Who claims what in a file; None if its process has ended, or claims nothing yet."""
    lock = FileLock(_lock_of(file))
    try:
        lock.acquire(timeout=0)
    except Timeout:
        with suppress(ValueError):  # its disk was full, and it asks nothing
            claim = json.loads(file.read_text(encoding="utf-8"))
            return Holder(*claim["holder"]), claim["keys"]
        return None
    _remove(file)
    lock.release()
    return None


def _lock_of(file: Path) -> Path:
    return file.with_suffix(".lock")


def _remove(file: Path) -> None:
    """Take a claim away, and the folder with the last one."""
    file.unlink(missing_ok=True)
    _lock_of(file).unlink(missing_ok=True)
    with suppress(OSError):
        file.parent.rmdir()
