"""Tables and folders as people have them: lists of captions, lists of paths, folders by class, loading scripts."""

import io
import json
import os
import pickle
import tarfile

import datasets
import pytest
from PIL import Image

from datamodules import ConcatSource, HuggingFaceSource
from lit_mia.errors import RecordError

COLORS = {"red": (255, 0, 0), "blue": (0, 0, 255), "lime": (0, 255, 0)}


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def png(color):
    Image.new("RGB", (4, 4), color).save(file := io.BytesIO(), "png")
    return file.getvalue()


def table(colors=COLORS, **columns):
    """A Parquet file with an image of each colour, and a source of it."""
    images = [{"bytes": png(color), "path": None} for color in colors]
    rows = datasets.Dataset.from_dict({"image": images, **columns}).cast_column("image", datasets.Image())
    rows.to_parquet("table.parquet")
    return {"path": "parquet", "data_files": "table.parquet"}


def first_pixels(records):
    return [records.open_image(row).getpixel((0, 0)) for row in range(len(records))]


def test_a_list_of_captions(folder):
    options = table(caption=[["a", "b"], ["c"], []])
    assert HuggingFaceSource(**options, caption_column="caption").load().captions == ("a", "c", None)
    every = HuggingFaceSource(**options, caption_column="caption", caption_choice="all").load()
    names = tuple(f"table.parquet/train/{row}" for row in (0, 0, 1, 2))
    assert every.groups == names
    assert every.ids == (f"{names[0]}#1", f"{names[0]}#2", *names[2:])
    assert first_pixels(every) == [COLORS["red"], *COLORS.values()]


def test_objects_bytes_and_classes(folder):
    classes = datasets.ClassLabel(names=["nonmember", "member", "unknown"])
    options = table(info=[{"title": "a", "label": n} for n in (1.0, 0.0, None)], raw=[b"x\n", b"y", None])
    rows = datasets.load_dataset(**options, split="train").add_column("kind", [1, 0, 2]).cast_column("kind", classes)
    rows.to_parquet("classes.parquet")
    options["data_files"] = "classes.parquet"
    with pytest.raises(RecordError, match=r"row 0 of parquet has an object of \['title', 'label'\]"):
        HuggingFaceSource(**options, caption_column="info").load()
    records = HuggingFaceSource(**options, caption_column="info.title", member_column="info.label").load()
    assert (records.captions, records.members) == (("a", "a", "a"), (1, 0, -1))
    records = HuggingFaceSource(**options, caption_column="raw", member_column="kind").load()
    assert (records.captions, records.members) == (("x", "y", None), (1, 0, -1))
    assert HuggingFaceSource(**options, caption_column="kind").load().captions == ("member", "nonmember", "unknown")
    assert HuggingFaceSource(**options, group_column="kind").load().groups == ("1", "0", "2")
    with pytest.raises(RecordError, match=r"no 'info.size': what 'info' holds there has \['label', 'title'\]"):
        HuggingFaceSource(**options, caption_column="info.size").load()
    with pytest.raises(RecordError, match="'image' must hold text or numbers"):
        HuggingFaceSource(**options, caption_column="image").load()


def test_classes_in_objects_and_lists_are_known_by_their_names(folder):
    kinds = datasets.ClassLabel(names=["member", "nonmember"])
    options = table(info=[{"of": kind} for kind in (0, 1, 0)], seen=[[0], [1, 0], None])
    rows = datasets.load_dataset(**options, split="train")
    rows = rows.cast(datasets.Features({**rows.features, "info": {"of": kinds}, "seen": datasets.List(kinds)}))
    rows.save_to_disk("classes")
    source = HuggingFaceSource("classes", caption_column="seen", member_column="info.of", caption_choice="all")
    records = source.load()
    assert records.members == (1, 0, 0, 1)
    assert records.captions == ("member", "nonmember", "member", None)


def test_what_a_builder_failed_over_is_told(folder):
    (folder / "rows.jsonl").write_text('{"image": "a.png"}\n{"image": ')
    with pytest.raises(RecordError, match=r"cannot be loaded: An error occurred while generating the dataset: .*JSON"):
        HuggingFaceSource("json", data_files="rows.jsonl").load()


def test_rows_of_one_image_are_one_group(folder):
    options = table(["red", "blue", "red"], caption=["a", "b", "c"], name=["x", "y", None])
    records = HuggingFaceSource(**options, caption_column="caption").load()
    assert records.groups == tuple(f"table.parquet/train/{row}" for row in (0, 1, 0))
    assert not records.grouped
    with pytest.raises(RecordError, match="row 2 of parquet has an empty `name`"):
        HuggingFaceSource(**options, id_column="name").load()


def test_groups_that_are_no_numbers_are_none(folder):
    records = HuggingFaceSource(**table(artist=[float("nan"), 2.0, float("nan")]), group_column="artist").load()
    assert records.groups == ("table.parquet/train/0", "2.0", "table.parquet/train/2")


def test_a_list_of_groups_is_refused(folder):
    options = table(artists=[["a", "b"], ["a"], []])
    with pytest.raises(RecordError, match=r"in one group, but row 0 of parquet has \['a', 'b'\]"):
        HuggingFaceSource(**options, group_column="artists").load()


def test_the_format_of_a_saved_table_does_not_count(folder):
    rows = datasets.load_dataset(**table(member=[1, 0, 1]), split="train")
    rows.with_format("torch").save_to_disk("tensors")
    rows.with_format("numpy", columns=["member"]).save_to_disk("columns")
    for name in ("tensors", "columns"):
        records = HuggingFaceSource(name, member_column="member").load()
        assert records.members == (1, 0, 1)
        assert first_pixels(records) == [*COLORS.values()]


def listed(folder, *names):
    """A list of images in a folder of its own, beside their folder."""
    (folder / "lists").mkdir()
    (folder / "images").mkdir()
    for color in COLORS:
        (folder / f"images/{color}.png").write_bytes(png(color))
    rows = [{"image": name, "member": row % 2} for row, name in enumerate(names)]
    (folder / "lists/a.json").write_text(json.dumps(rows), encoding="utf-8")
    (folder / "lists/b.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")


@pytest.mark.parametrize("name", ["lists/a.json", "lists/b.jsonl", "~/lists/b.jsonl", "lists/*.jsonl"])
def test_lists_name_images_from_where_they_lie(folder, monkeypatch, name):
    monkeypatch.setenv("HOME", str(folder))
    listed(folder, "../images/red.png", "..\\images\\blue.png", "images/lime.png", "https://example.org/1.jpg")
    records = HuggingFaceSource("json", data_files=name, member_column="member").load()
    assert first_pixels(records.select([0, 1, 2])) == list(COLORS.values()), "the last one from the working directory"
    with pytest.raises(OSError, match="is a URL"):
        records.open_image(3)


def test_a_list_of_urls_is_refused(folder):
    listed(folder, "https://example.org/1.jpg", "https://example.org/2.jpg")
    with pytest.raises(RecordError, match=r"holds URLs, e\.g\. https://example\.org/1\.jpg, and"):
        HuggingFaceSource("json", data_files="lists/a.json").load()


def test_folders_by_membership(folder, monkeypatch):
    monkeypatch.setenv("HOME", str(folder))
    for name, color in (("member", "red"), ("nonmember", "blue")):
        (folder / "pictures" / name).mkdir(parents=True)
        (folder / "pictures" / name / "1.png").write_bytes(png(color))
    for options in ({"path": "~/pictures"}, {"path": "imagefolder", "data_dir": "~/pictures"}):
        records = HuggingFaceSource(**options, member_column="label").load()
        assert dict(zip(records.ids, records.members, strict=True)) == {"member/1.png": 1, "nonmember/1.png": 0}
    parts = [HuggingFaceSource(f"./pictures/{name}", member=n) for n, name in enumerate(("nonmember", "member"))]
    with pytest.raises(RecordError, match=r"1 occur in several sources, e.g. \['1.png'\].*`prefixes: \[a, b\]`"):
        ConcatSource(parts).load()
    assert ConcatSource(parts, ["others", "ours"]).load().ids == ("others/1.png", "ours/1.png")


def test_images_that_the_list_of_a_folder_lacks_are_told(folder, caplog):
    for name, color in COLORS.items():
        (folder / "pictures").mkdir(exist_ok=True)
        (folder / "pictures" / f"{name}.png").write_bytes(png(color))
    rows = [json.dumps({"file_name": f"{name}.png", "text": name}) for name in ("red", "blue")]
    (folder / "pictures/metadata.jsonl").write_text("\n".join(rows), encoding="utf-8")
    source = HuggingFaceSource("imagefolder", data_dir="pictures", caption_column="text")
    assert source.load().captions == ("red", "blue")
    assert "1 of 3 images in pictures are in no row of the split 'train', and left out" in caplog.text
    caplog.clear()
    (folder / "pictures/lime.png").unlink()
    source.load()
    assert "in no row" not in caplog.text


def shard(name, *files):
    with tarfile.open(name, "w") as tar:
        for file, data in files:
            entry = tarfile.TarInfo(file)
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))


def test_a_webdataset_of_several_endings(folder, caplog):
    pictures = [(f"{row:03}.{'jpg' if row < 5 else 'png'}", png((row, 0, 0))) for row in range(7)]
    captions = [(f"{row:03}.json", json.dumps({"caption": f"picture {row}"}).encode()) for row in range(7)]
    shard("a.tar", *sorted(pictures + captions))
    records = HuggingFaceSource("webdataset", data_files="a.tar", image_column="jpg", caption_column="json").load()
    assert records.captions[:2] == ("picture 0", "picture 1")
    assert "2 of 7 rows of webdataset have no `jpg`; in a WebDataset, all images need one ending" in caplog.text
    with pytest.raises(OSError, match="has no image"):
        records.open_image(6)
    assert records.groups == records.ids, "rows without an image are not of one image"


def test_equal_keys_of_two_shards_are_refused(folder):
    for name, color in (("a.tar", "red"), ("b.tar", "blue")):
        shard(name, ("000.png", png(color)))
    source = HuggingFaceSource("webdataset", data_files=["a.tar", "b.tar"], image_column="png")
    with pytest.raises(RecordError, match=r"must be unique, but 1 occur more than once, e.g. \['000'\]"):
        source.load()
    parts = [HuggingFaceSource("webdataset", data_files=name, image_column="png") for name in ("a.tar", "b.tar")]
    records = ConcatSource(parts, prefixes=["a", "b"]).load()
    assert (records.ids, records.groups) == (("a/000", "b/000"),) * 2


def test_what_cannot_be_loaded_is_an_error(folder):
    (folder / "scripted").mkdir()
    (folder / "scripted/scripted.py").write_text("raise SystemExit", encoding="utf-8")
    for path in ("scripted", "scripted/scripted.py"):
        with pytest.raises(RecordError, match=r"no longer supported.*Make Parquet files of it, or an image folder"):
            HuggingFaceSource(path).load()
    with pytest.raises(RecordError, match="cannot be loaded: "):
        HuggingFaceSource("json", data_files="nowhere/*.jsonl").load()
    (folder / "broken.parquet").write_bytes(b"PAR1")
    with pytest.raises(RecordError, match="cannot be loaded: "):
        HuggingFaceSource("parquet", data_files="broken.parquet").load()


class Payload:
    """Makes a folder when it is unpickled."""

    def __reduce__(self):
        return os.mkdir, ("run",)


def test_pickled_tables_are_refused_and_run_nothing(folder):
    (folder / "pickled").mkdir()
    (folder / "pickled/train.pkl").write_bytes(pickle.dumps(Payload()))
    with pytest.raises(RecordError, match=r"names the builder 'pandas', which reads pickles.*`path: parquet`"):
        HuggingFaceSource("pandas", data_files="pickled/train.pkl")
    with pytest.raises(RecordError, match=r"The data set 'pickled' .* cannot be loaded"):
        HuggingFaceSource("pickled").load()
    assert not (folder / "run").exists()
