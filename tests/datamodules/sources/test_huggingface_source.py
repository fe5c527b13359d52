"""What Hugging Face `datasets` reads, on small local data."""

import io
import tarfile

import datasets
import pytest
from PIL import Image

from datamodules.sources import ConcatSource, HuggingFaceSource
from lit_mia.errors import RecordError
from lit_mia.features.pixels import decode_images

COLORS = ("red", "blue", "lime")


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")


def _png(color):
    buffer = io.BytesIO()
    Image.new("RGB", (4, 4), color).save(buffer, "png")
    return buffer.getvalue()


def _table(images):
    columns = {
        "image": [{"bytes": data, "path": None} for data in images],
        "caption": ["a", "", None],
        "member": [1, 0, None],
    }
    features = {"image": datasets.Image(), "caption": datasets.Value("string"), "member": datasets.Value("int64")}
    return datasets.Dataset.from_dict(columns, datasets.Features(features))


def _assert_second_is_unreadable(records, tmp_path):
    images, _, unread = decode_images(records, 4, tmp_path / "decoded")
    assert list(unread) == [1]
    assert images[0, :, 0, 0].tolist() == [255, 0, 0]
    assert images[2, :, 0, 0].tolist() == [0, 255, 0]


def test_image_folder(tmp_path):
    folder = tmp_path / "images"
    (folder / "train").mkdir(parents=True)
    for color, data in zip(COLORS, (_png("red"), b"no image", _png("lime")), strict=True):
        (folder / "train" / f"{color}.png").write_bytes(data)
    lines = ["file_name,caption,member,artist", "red.png,a,1,X", "blue.png,b,0,X", "lime.png,c,1,Y"]
    (folder / "train" / "metadata.csv").write_text("\n".join(lines))
    source = HuggingFaceSource(
        "imagefolder", data_dir=str(folder), caption_column="caption", member_column="member", group_column="artist"
    )
    records = source.load()
    rows = [records.ids.index(f"train/{color}.png") for color in COLORS]
    assert [records.members[row] for row in rows] == [1, 0, 1]
    assert [records.captions[row] for row in rows] == ["a", "b", "c"]
    assert [records.groups[row] for row in rows] == ["X", "X", "Y"]
    _assert_second_is_unreadable(records.select(rows), tmp_path)


def test_folder_names_as_labels(tmp_path):
    for label, color in (("0", "blue"), ("1", "red"), ("unknown", "lime")):
        (tmp_path / "images" / label).mkdir(parents=True)
        (tmp_path / "images" / label / f"{color}.png").write_bytes(_png(color))
    records = HuggingFaceSource(str(tmp_path / "images"), member_column="label").load()
    assert dict(zip(records.ids, records.members, strict=True)) == {
        "0/blue.png": 0,
        "1/red.png": 1,
        "unknown/lime.png": -1,
    }


def test_parquet(tmp_path):
    file = tmp_path / "table.parquet"
    _table((_png("red"), b"no image", _png("lime"))).to_parquet(file)
    source = HuggingFaceSource("parquet", data_files=str(file), caption_column="caption", member_column="member")
    records = source.load()
    assert records.ids == records.groups == tuple(f"table.parquet/train/{row}" for row in range(3))
    assert (records.members, records.captions) == ((1, 0, -1), ("a", None, None))
    _assert_second_is_unreadable(records, tmp_path)


def test_webdataset(tmp_path):
    with tarfile.open(tmp_path / "shard.tar", "w") as tar:
        for color, data in zip(COLORS, (_png("red"), b"no image", _png("lime")), strict=True):
            for ending, content in (("png", data), ("txt", f"a {color} square".encode())):
                entry = tarfile.TarInfo(f"{color}.{ending}")
                entry.size = len(content)
                tar.addfile(entry, io.BytesIO(content))
    source = HuggingFaceSource(
        "webdataset", data_files=str(tmp_path / "shard.tar"), image_column="png", caption_column="txt", member=1
    )
    records = source.load()
    assert records.ids == COLORS
    assert records.captions[0] == "a red square"
    assert records.members == (1, 1, 1)
    _assert_second_is_unreadable(records, tmp_path)


def test_saved_tables(tmp_path):
    table = _table((_png("red"), b"no image", _png("lime")))
    table.save_to_disk(tmp_path / "one")
    datasets.DatasetDict({"held_out": table}).save_to_disk(tmp_path / "several")
    one = HuggingFaceSource(str(tmp_path / "one"), member=0).load()
    several = HuggingFaceSource(str(tmp_path / "several"), split="held_out", member=1).load()
    _assert_second_is_unreadable(one, tmp_path)
    assert several.members == (1, 1, 1)
    with pytest.raises(RecordError, match=r"no split 'train'.*held_out"):
        HuggingFaceSource(str(tmp_path / "several")).load()


def test_a_member_and_a_non_member_source_join(tmp_path):
    for name in ("members", "others"):
        _table([_png("red")] * 3).to_parquet(tmp_path / f"{name}.parquet")
    sources = [
        HuggingFaceSource("parquet", data_files=str(tmp_path / f"{name}.parquet"), member=member)
        for name, member in (("members", 1), ("others", 0))
    ]
    assert ConcatSource(sources).load().members == (1, 1, 1, 0, 0, 0)


def test_errors_say_what_is_there(tmp_path):
    file = str(tmp_path / "table.parquet")
    _table([_png("red")] * 3).to_parquet(file)
    with pytest.raises(RecordError, match=r"no column \['img', 'text'\]; it has \['image', 'caption', 'member'\]"):
        HuggingFaceSource("parquet", data_files=file, image_column="img", caption_column="text").load()
    with pytest.raises(RecordError, match=r"'member' .* must hold images"):
        HuggingFaceSource("parquet", data_files=file, image_column="member").load()
    with pytest.raises(RecordError, match="but not both"):
        HuggingFaceSource("parquet", data_files=file, member_column="member", member=1)
    with pytest.raises(RecordError, match="row 0 of parquet has 'a'"):
        HuggingFaceSource("parquet", data_files=file, member_column="caption").load()
    with pytest.raises(RecordError, match=r"split 'tset'.* cannot be loaded"):
        HuggingFaceSource("parquet", data_files=file, split="tset").load()
    with pytest.raises(RecordError, match="nowhere"):
        HuggingFaceSource(str(tmp_path / "nowhere")).load()
