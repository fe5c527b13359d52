"""What the processes of one launch spend on a store they fill together, told by the first of them."""

import json
import os
from collections.abc import Callable
from dataclasses import asdict, replace
from functools import wraps
from pathlib import Path
from typing import Concatenate, NamedTuple, ParamSpec, Protocol, TypeVar

from filelock import FileLock

from lit_mia.cost import Cost
from lit_mia.files import key_digest, write_whole

FOLDER = "spent"
RANKS = ("RANK", "SLURM_PROCID")
"""What torchrun and srun call the number of a process."""
NAMES = ("TORCHELASTIC_RUN_ID", "MASTER_ADDR", "MASTER_PORT", "SLURM_JOB_ID", "SLURM_STEP_ID")
"""What tells a launch from others."""
Asked = ParamSpec("Asked")


class Filled(Protocol):
    """A store."""

    path: Path


S = TypeVar("S", bound=Filled)


class Launched(NamedTuple):
    """A process that a launcher has started beside others.

    Attributes:
        launch: What all of them share.
        rank: Its number.
    """

    launch: str
    rank: int


def launched() -> Launched | None:
    """What the launcher says of this process; None if it was started alone."""
    ranks = [int(os.environ[name]) for name in RANKS if name in os.environ]
    return Launched(key_digest([os.environ.get(name) for name in NAMES])[:16], ranks[0]) if ranks else None


def spent_together(fill: Callable[Concatenate[S, Asked], Cost]) -> Callable[Concatenate[S, Asked], Cost]:
    """Let the first process of a launch count what all have asked, by a function that fills a store in each of them.

    Each of the others holds a lock while it fills, and puts down what it spent before it gives it back. The first one
    has filled the store when it looks: who holds no lock then has put down its account, asks nothing any more, or has
    ended, and what a process spent that was killed is not counted. Seconds stay those of the first one.

    Args:
        fill: Fills the store that is its first argument, whoever else fills it.
    """

    @wraps(fill)
    def filled(store: S, /, *args: Asked.args, **kwargs: Asked.kwargs) -> Cost:
        process, folder = launched(), store.path / FOLDER
        if process is None:
            return fill(store, *args, **kwargs)
        if process.rank == 0:
            own = fill(store, *args, **kwargs)
            return replace(own + _taken(folder, process.launch), seconds=own.seconds)
        file = folder / f"{process.launch}-{process.rank}.json"
        lock = FileLock(file.with_suffix(".lock"))
        try:
            folder.mkdir(exist_ok=True)
            lock.acquire()
        except OSError:  # where nothing can be written nothing is asked
            return fill(store, *args, **kwargs)
        try:
            cost = fill(store, *args, **kwargs)
            _put_down(file, cost)
        finally:
            lock.release()
        return cost

    return filled


def _put_down(file: Path, cost: Cost) -> None:
    write_whole(file, json.dumps(asdict(_read(file) + cost)))


def _read(file: Path) -> Cost:
    return Cost(**json.loads(file.read_text(encoding="utf-8"))) if file.is_file() else Cost()


def _taken(folder: Path, launch: str) -> Cost:
    """What the other processes of a launch have put down, which is taken away."""
    cost = Cost()
    for lock in sorted(folder.glob(f"{launch}-*.lock")):
        with FileLock(lock):
            cost += _read(lock.with_suffix(".json"))
            lock.with_suffix(".json").unlink(missing_ok=True)
            lock.unlink(missing_ok=True)
    return cost
