"""Work on a thread of its own: one job at a time, in order, every error told, the last job always waited for."""

import threading
import time
from functools import partial

import pytest

from lit_mia.queries.behind import Behind, read_ahead


def fails():
    raise OSError("full")


def interrupted(job):
    yield job
    raise KeyboardInterrupt


def do_all(jobs):
    with Behind() as behind:
        for job in jobs:
            behind.do(job)


def test_jobs_are_done_in_order_while_the_giver_goes_on():
    done, may = [], threading.Event()
    with Behind() as behind:
        behind.do(lambda: (may.wait(5), done.append(0)))
        assert done == []
        may.set()
        for number in range(1, 4):
            behind.do(partial(done.append, number))
            assert done[:number] == list(range(number))
    assert done == [0, 1, 2, 3]


def test_an_error_is_told_with_the_next_job_or_at_the_end():
    done = []
    for jobs in ([fails, partial(done.append, 1)], [fails]):
        with pytest.raises(OSError, match="full"):
            do_all(jobs)
    assert done == []


def test_the_last_job_is_done_although_its_giver_fails():
    done = []
    with pytest.raises(KeyboardInterrupt):
        do_all(interrupted(lambda: (time.sleep(0.05), done.append(1))))
    assert done == [1]


def test_things_are_read_ahead_in_order_but_not_too_far():
    began = []
    read = read_ahead(lambda item: began.append(item) or 10 // item, [1, 2, 5, 10, 0, 4], most=2)
    assert next(read) == 10
    time.sleep(0.05)
    assert sorted(began) == [1, 2, 5]
    assert [next(read) for _ in range(3)] == [5, 2, 1]
    with pytest.raises(ZeroDivisionError):
        next(read)
