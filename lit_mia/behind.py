"""Work that is done on a thread of its own, while its giver goes on with the next."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Self, final


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
