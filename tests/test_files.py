"""Arrays are computed once and written whole."""

import multiprocessing
import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from lit_mia.files import by_one_process, cached_rows, replacing

CONTEXT = multiprocessing.get_context("fork")


def test_the_second_call_reads_and_does_not_compute(tmp_path):
    calls = []

    def chunks():
        calls.append(1)
        yield np.zeros((2, 3), np.float32)
        yield np.ones((1, 3), np.float32)

    first = cached_rows(tmp_path / "cache", {"model": "a", "ids": ["x", "y"]}, 3, np.float32, chunks)
    again = cached_rows(tmp_path / "cache", {"ids": ["x", "y"], "model": "a"}, 3, np.float32, chunks)
    np.testing.assert_array_equal(first, [[0, 0, 0], [0, 0, 0], [1, 1, 1]])
    np.testing.assert_array_equal(first, again)
    assert isinstance(again, np.memmap)
    assert len(calls) == 1
    cached_rows(tmp_path / "cache", {"model": "b", "ids": ["x", "y"]}, 3, np.float32, chunks)
    assert len(calls) == 2


def test_a_failed_write_leaves_nothing(tmp_path):
    def fail():
        with replacing(tmp_path / "a.npy") as temporary:
            temporary.write_bytes(b"half")
            raise OSError("full")

    with pytest.raises(OSError, match="full"):
        fail()
    assert list(tmp_path.iterdir()) == []


def make(folder, made, numbers, fail=False):
    """Wants an array; the one that makes it says so and takes its time, or is killed meanwhile."""

    def chunks():
        made.put(os.getpid())
        time.sleep(0.3)
        if fail:
            os.kill(os.getpid(), signal.SIGKILL)
        yield np.ones((2, 3), np.float32)

    numbers.put(cached_rows(folder, {"what": "ones"}, 2, np.float32, chunks).tolist())


def processes(folder, *fails):
    """Starts processes that want the same array, one after another; what they made, and what they got."""
    made, numbers = CONTEXT.Queue(), CONTEXT.Queue()
    makers = []
    for fail in fails:
        makers.append(CONTEXT.Process(target=make, args=(folder, made, numbers, fail)))
        makers[-1].start()
        if fail:
            assert made.get(timeout=10) == makers[-1].pid  # it has the lock
    for maker in makers:
        maker.join(20)
    got = [numbers.get(timeout=10) for fail in fails if not fail]
    return [made.get(timeout=10) for _ in range(made.qsize())], got


def test_several_processes_make_an_array_once(tmp_path):
    made, got = processes(tmp_path, False, False, False)
    assert len(made) == 1
    assert got == [[[1, 1, 1], [1, 1, 1]]] * 3
    assert [file.suffix for file in tmp_path.iterdir()] == [".npy"]


def test_what_a_killed_process_was_making_is_made_by_one_of_the_others(tmp_path):
    made, got = processes(tmp_path, True, False, False)
    assert len(made) == 1
    assert got == [[[1, 1, 1], [1, 1, 1]]] * 2
    assert [file.suffix for file in tmp_path.iterdir()] == [".npy"]


def test_what_could_not_be_made_is_made_by_the_next(tmp_path):
    key = {"what": "ones"}
    with pytest.raises(ValueError, match="1 rows, but 2 were announced"):
        cached_rows(tmp_path, key, 2, np.float32, lambda: iter([np.ones((1, 3), np.float32)]))
    assert list(tmp_path.glob("*.npy")) == []
    rows = cached_rows(tmp_path, key, 2, np.float32, lambda: iter([np.ones((2, 3), np.float32)]))
    assert rows.sum() == 6


def test_who_waits_is_told(tmp_path, caplog):
    path = tmp_path / "a.npy"
    with ThreadPoolExecutor(1) as pool, by_one_process(path):
        waiting = pool.submit(lambda: by_one_process(path).__enter__())
        while "being made by another process: waiting for it" not in caplog.text:
            time.sleep(0.01)
        assert not waiting.done()


def test_a_file_that_is_there_needs_no_lock(tmp_path):
    (tmp_path / "a.npy").touch()
    tmp_path.chmod(0o500)
    with by_one_process(tmp_path / "a.npy"):
        assert [file.name for file in tmp_path.iterdir()] == ["a.npy"]
    tmp_path.chmod(0o700)
