"""Small fits side by side: few threads each make the most of many, for their products are too small to be shared."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError, ThreadPoolExecutor
from itertools import repeat
from typing import TypeVar

import torch

Made = TypeVar("Made")
_own = threading.local()


def on_threads(
    jobs: Sequence[Callable[[], Made]], device: torch.device, told: Callable[[], object] = lambda: None
) -> list[Made]:
    """Do some jobs: on a CPU as many at a time as PyTorch may use threads, which they share; elsewhere one by one.

    An error or an interruption ends the others at their next `go_on`.

    Args:
        jobs: What to do.
        device: Where it is done.
        told: Is called whenever one is done, from its thread.

    Returns:
        What they return, in their order.
    """
    threads = torch.get_num_threads()
    workers = min(threads, len(jobs)) if device.type == "cpu" else 1
    if workers <= 1:
        return [_done(job, told) for job in jobs]
    stopped = threading.Event()
    try:
        with ThreadPoolExecutor(workers, initializer=_begin, initargs=(stopped, threads // workers)) as pool:
            try:
                return list(pool.map(_done, jobs, repeat(told)))
            finally:
                stopped.set()
    finally:
        torch.set_num_threads(threads)


def _done(job: Callable[[], Made], told: Callable[[], object]) -> Made:
    made = job()
    told()
    return made


def go_on() -> None:
    """Is called between two steps of a job.

    Raises:
        CancelledError: If nobody waits for it any more.
    """
    stopped = getattr(_own, "stopped", None)
    if stopped is not None and stopped.is_set():
        raise CancelledError


def _begin(stopped: threading.Event, threads: int) -> None:
    torch.set_num_threads(threads)
    _own.stopped = stopped
