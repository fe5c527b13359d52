"""Work on other threads: what comes after a step while the next is made, and what comes before it."""

import os
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Self, TypeVar, final

Item = TypeVar("Item")
Read = TypeVar("Read")


@final
class Behind:
    """Does one job at a time, in their order; who gives the next one waits for the last, and is told its error.

    At its end the last job is waited for, also after an error or an interruption of the giver.
    """

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(1)
        self._last: Future[object] | None = None

    def do(self, job: Callable[[], object]) -> None:
        """Wait for the last job, and begin this one."""
        self.wait()
        self._last = self._pool.submit(job)

    def wait(self) -> None:
        """Wait for the last job.

        Raises:
            BaseException: What it has raised.
        """
        last, self._last = self._last, None
        if last is not None:
            last.result()

    def __enter__(self) -> Self:
        """Itself."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Wait for the last job."""
        try:
            self.wait()
        finally:
            self._pool.shutdown()


def read_ahead(read: Callable[[Item], Read], items: Iterable[Item], most: int) -> Generator[Read, None, None]:
    """Read some things in their order, several at a time, while those before are used.

    Args:
        read: Reads one; called in several threads. What it raises comes in its place.
        items: What to read.
        most: How many are read ahead, so that they fit into memory.
    """
    pool, waiting = ThreadPoolExecutor(min(8, os.cpu_count() or 1)), deque[Future[Read]]()
    try:
        for item in items:
            waiting.append(pool.submit(read, item))
            if len(waiting) > most:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)
