"""A dry run does what a run does before anything is asked, and leaves no trace."""

import hashlib
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from small_records import N, write_records

from lit_mia.dry_run import keeping_nothing
from lit_mia.errors import SplitError, StoreError
from lit_mia.features.pixels import decode_images
from lit_mia.files import cached_rows, replacing
from lit_mia.queries.findings import FindingStore
from lit_mia.queries.store import Store
from lit_mia.splits import assign_splits, lock_splits, locked_as_alike


@pytest.fixture
def records(tmp_path):
    return write_records(tmp_path / "records", ["1", "0"] * (N // 2)).load()


def files(folder):
    return {path: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.rglob("*") if path.is_file()}


def work(records, folder, fingerprint="abc"):
    """What is written before the first query; the first image cannot be read until it arrives."""
    Store(folder, {"weights": fingerprint})
    FindingStore(folder / "findings", {"weights": fingerprint})
    decoded = decode_images(records, 8, folder / "features")
    rows = cached_rows(folder / "features", {"a": 1}, 2, np.int64, lambda: iter([np.arange(2)]))
    lock_splits(assign_splits(records, seed=1), records, folder / "splits.json", alike=[["r00", "r01"]])
    return decoded, rows.tolist(), locked_as_alike(folder / "splits.json")


def test_the_same_is_found_and_nothing_is_left(records, tmp_path):
    with keeping_nothing():
        for _ in range(2):
            decoded, rows, alike = work(records, tmp_path / "store")
            images = decoded.images.copy()
    assert not (tmp_path / "store").exists()
    again, *others = work(records, tmp_path / "store")
    assert np.array_equal(again.images, images)
    assert others == [rows, alike] == [[0, 1], [["r00", "r01"]]]


def test_what_was_there_is_read_and_stays_as_it_is(records, tmp_path):
    image = tmp_path / "records/r00.png"
    content = image.read_bytes()
    image.write_bytes(b"")
    assert work(records, tmp_path / "store")[0].unread.keys() == {0}
    image.write_bytes(content)  # it arrives
    before = files(tmp_path)
    with keeping_nothing():
        assert work(records, tmp_path / "store")[0].unread == {}
        with pytest.raises(StoreError, match="another target"):
            work(records, tmp_path / "store", fingerprint="def")
        with pytest.raises(SplitError, match="locked"):
            lock_splits(assign_splits(records, seed=2), records, tmp_path / "store/splits.json")
    assert files(tmp_path) == before
    assert work(records, tmp_path / "store")[0].unread == {}
    assert files(tmp_path) != before


def test_a_dry_run_ends_with_its_errors(tmp_path):
    with pytest.raises(StoreError), keeping_nothing():
        raise StoreError
    with replacing(tmp_path / "kept") as path:
        path.write_text("")
    assert (tmp_path / "kept").exists()


def test_a_run_in_another_thread_keeps_what_it_writes(records, tmp_path):
    with ThreadPoolExecutor(1) as other, keeping_nothing():
        other.submit(work, records, tmp_path / "store").result()
        work(records, tmp_path / "here")
    assert (tmp_path / "store/splits.json").exists()
    assert not (tmp_path / "here").exists()
