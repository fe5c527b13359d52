"""Arrays are computed once and written whole."""

import numpy as np
import pytest

from lit_mia.files import cached_rows, replacing


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
