"""Labels from a published index file."""

import hashlib

import numpy as np
import pytest
from memory_source import MemorySource
from optimal_denoiser import smooth_images

from datamodules.sources import ConcatSource, CsvSource, IndexSource
from lit_mia.errors import RecordError

SOURCE = MemorySource(smooth_images(8, 0), [-1] * 8)


def write(path, **arrays):
    np.savez(path, **arrays)
    return hashlib.md5(path.read_bytes()).hexdigest()


@pytest.fixture
def published(tmp_path):
    path = tmp_path / "split.npz"
    return path, write(path, mia_train_idxs=np.array([5, 1]), mia_eval_idxs=np.array([0, 7, 2]), ratio=np.array(0.5))


def test_rows_are_labelled_and_the_others_left_out(published):
    path, md5 = published
    records = IndexSource(SOURCE, md5[:8], path=str(path)).load()
    assert records.ids == ("r005", "r001", "r000", "r007", "r002")
    assert records.members == (1, 1, 0, 0, 0)
    assert records.stamps == SOURCE.load().select([5, 1, 0, 7, 2]).stamps
    assert records.open_image(0).tobytes() == SOURCE.pictures[5].tobytes()


def test_a_missing_file_is_downloaded(published, tmp_path):
    path, md5 = published
    copy = tmp_path / "cache/copy.npz"
    assert len(IndexSource(SOURCE, md5, path.as_uri(), str(copy)).load()) == 5
    assert copy.read_bytes() == path.read_bytes()
    with pytest.raises(RecordError, match="cannot be downloaded"):
        IndexSource(SOURCE, md5, (tmp_path / "nowhere.npz").as_uri(), cache_dir=str(tmp_path / "cache")).load()
    with pytest.raises(RecordError, match="no `url` to download it from"):
        IndexSource(SOURCE, md5, path=str(tmp_path / "other.npz")).load()


def test_records_of_all_captions_are_not_counted_as_images(published):
    path, md5 = published
    table = CsvSource("images.csv", caption_choice="all")
    with pytest.raises(RecordError, match="with `caption_choice: all` an image can be several records"):
        IndexSource(ConcatSource([SOURCE, table]), md5, path=str(path)).load()


def test_another_file_is_refused(published):
    path, _ = published
    with pytest.raises(RecordError, match=r"has the MD5 .*, not 123"):
        IndexSource(SOURCE, "123", path=str(path)).load()


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"mia_train_idxs": [0, 1], "mia_eval_idxs": [1, 2]}, "must be distinct and below 8"),
        ({"mia_train_idxs": [0, 8], "mia_eval_idxs": [1, 2]}, "must be distinct and below 8"),
        ({"mia_train_idxs": [0, -1], "mia_eval_idxs": [1, 2]}, "must be distinct and below 8"),
        ({"mia_train_idxs": [], "mia_eval_idxs": []}, "must be distinct and below 8, .* but 0 reach"),
        ({"mia_train_idxs": [0.5, 1], "mia_eval_idxs": [2]}, "must be whole numbers, .* but are 2 of type float64"),
        ({"mia_train_idxs": [float("nan")], "mia_eval_idxs": [2]}, "must be whole numbers"),
        ({"mia_train_idxs": [True, False], "mia_eval_idxs": [2]}, "a mask of length 8, but are 2 of type bool"),
        ({"mia_train_idxs": ["1"], "mia_eval_idxs": [2]}, "must be whole numbers"),
        ({"mia_train_idxs": [1, None], "mia_eval_idxs": [2]}, "must hold .* as numbers"),
        ({"members": [0, 1]}, "must hold mia_train_idxs and mia_eval_idxs"),
    ],
)
def test_a_file_of_another_data_set_is_refused(tmp_path, arrays, message):
    path = tmp_path / "split.npz"
    md5 = write(path, **{name: np.array(rows) for name, rows in arrays.items()})
    with pytest.raises(RecordError, match=message):
        IndexSource(SOURCE, md5, path=str(path)).load()


@pytest.mark.parametrize("dtype", ["float64", "uint8", "int32", "bool"])
def test_row_numbers_may_be_of_any_type(tmp_path, dtype):
    members, others = np.array([5, 1]), np.array([[0], [7]])
    if dtype == "bool":
        members, others = np.isin(np.arange(8), members), np.isin(np.arange(8), others)
    path = tmp_path / "split.npz"
    md5 = write(path, mia_train_idxs=members.astype(dtype), mia_eval_idxs=others.astype(dtype))
    records = IndexSource(SOURCE, md5, path=str(path)).load()
    assert sorted(zip(records.ids, records.members, strict=True)) == [
        ("r000", 0),
        ("r001", 1),
        ("r005", 1),
        ("r007", 0),
    ]


@pytest.mark.parametrize("content", [b"PK\x03\x04 cut off", b"no archive", b""])
def test_another_kind_of_file_is_refused(tmp_path, content):
    path = tmp_path / "split.npz"
    path.write_bytes(content)
    with pytest.raises(RecordError, match="is no index file"):
        IndexSource(SOURCE, hashlib.md5(content).hexdigest(), path=str(path)).load()
