"""How far something has come that takes its time: a bar with the time left on a terminal, a few lines in a log.

All of it goes to the errors, and only from the first of several processes.
"""

import os
import shutil
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeVar, final

from tqdm import tqdm

Part = TypeVar("Part")
EVERY = 30.0
"""Seconds between two lines on one stage in a log."""
WORTH = 2.0
"""Seconds from which on a stage is worth a line in a log."""
RANKS = ("RANK", "LOCAL_RANK", "SLURM_PROCID")
"""What launchers call the number of a process."""
DELAY = 0.5
"""Seconds after which a terminal shows a bar."""
COUNTS = 45
"""Columns of a terminal that a bar needs for how much is done and what time is left."""
_hidden: ContextVar[bool] = ContextVar("hidden", default=False)


class Progress(ABC):
    """How far one stage has come."""

    @abstractmethod
    def update(self, n: int = 1) -> object:
        """Say that more is done, from whichever thread.

        Args:
            n: How much.
        """

    def over(self, parts: Iterable[Part]) -> Iterator[Part]:
        """What the stage consists of, each counted when the next one is asked for.

        Args:
            parts: As many as there are in total.
        """
        for part in parts:
            yield part
            self.update()

    @abstractmethod
    def end(self) -> None:
        """Say that the stage is over, whether all is done or not."""


@contextmanager
def progress(what: str, total: int, unit: str) -> Iterator[Progress]:
    """Tell how far a stage has come while it lasts; nothing of a total of 0.

    Args:
        what: What is done, e.g. "query" and the name of the target.
        total: How many there are.
        unit: What is counted.
    """
    made = _Nothing() if total == 0 or _hidden.get() or _is_helper() else _shown(what, total, unit)
    try:
        yield made
    finally:
        made.end()


def say(line: str) -> None:
    """Print a line, where it spoils no bar.

    Args:
        line: The line, which goes to the output at once.
    """
    with tqdm.external_write_mode(file=sys.stdout):
        print(line, flush=True)


@contextmanager
def hidden() -> Iterator[None]:
    """Tell nothing meanwhile."""
    before = _hidden.set(True)
    try:
        yield
    finally:
        _hidden.reset(before)


def _is_helper() -> bool:
    """Whether a launcher has started this process beside a first one."""
    return any(int(os.environ.get(name) or 0) > 0 for name in RANKS)


def _shown(what: str, total: int, unit: str) -> Progress:
    return (_Bar if sys.stderr.isatty() else _Lines)(what, total, unit)


@final
class _Nothing(Progress):
    def update(self, n: int = 1) -> None:
        """See `Progress`."""

    def end(self) -> None:
        """See `Progress`."""


@final
class _Bar(Progress):
    def __init__(self, what: str, total: int, unit: str) -> None:
        self._bar = tqdm(total=total, desc=_short(what), unit=unit, delay=DELAY, dynamic_ncols=True, file=sys.stderr)

    def update(self, n: int = 1) -> None:
        """See `Progress`."""
        self._bar.update(n)

    def end(self) -> None:
        """See `Progress`."""
        self._bar.close()


def _short(what: str) -> str:
    """What is done, cut where the terminal would have no room for the time left behind it."""
    room = max(8, shutil.get_terminal_size().columns - COUNTS)
    return what if len(what) <= room else f"{what[: room - 1]}…"


@final
class _Lines(Progress):
    def __init__(self, what: str, total: int, unit: str) -> None:
        self._what, self._total, self._unit, self._done = what, total, unit, 0
        self._began = self._told = time.monotonic()

    def update(self, n: int = 1) -> None:
        """See `Progress`."""
        self._done += n
        now = time.monotonic()
        if now - self._told >= EVERY and self._done < self._total:
            self._told = now
            self._tell(f", about {(now - self._began) / self._done * (self._total - self._done):.0f} s left")

    def end(self) -> None:
        """See `Progress`."""
        if time.monotonic() - self._began >= WORTH:
            self._tell("")

    def _tell(self, left: str) -> None:
        spent = time.monotonic() - self._began
        print(f"{self._what}: {self._done} of {self._total} {self._unit}, {spent:.0f} s{left}", file=sys.stderr)
