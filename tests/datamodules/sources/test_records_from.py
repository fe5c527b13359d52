"""Sources made of what a notebook has: paths, tables, lists and data sets."""

import io
import json

import datasets
import numpy as np
import pandas
import pytest
import torch
from PIL import Image
from torch.utils.data import Dataset, IterableDataset

from datamodules import (
    ConcatSource,
    CsvSource,
    FolderSource,
    HuggingFaceSource,
    MemorySource,
    SidesSource,
    records_from,
    sides_from,
)
from lit_mia.configured import given_to
from lit_mia.errors import RecordError

COLORS = {"red": (255, 0, 0), "blue": (0, 0, 255), "lime": (0, 255, 0)}


def picture(color):
    """Two pixels, so that rows and columns are told apart: the color, and white."""
    image = Image.new("RGB", (2, 1), "white")
    image.putpixel((0, 0), COLORS[color])
    return image


def png(color):
    picture(color).save(file := io.BytesIO(), "png")
    return file.getvalue()


def pixels(color):
    return np.asarray(picture(color))


def first_pixels(records):
    return [records.open_image(row).getpixel((0, 0)) for row in range(len(records))]


class Pairs(Dataset):
    def __init__(self, items):
        self.items = items

    def __len__(self):
        return len(self.items)

    def __getitem__(self, row):
        return self.items[row]


@pytest.fixture(autouse=True)
def files(tmp_path, monkeypatch):
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "set").mkdir()
    for color in COLORS:
        picture(color).save(f"set/{color}.png")
    return [f"set/{color}.png" for color in COLORS]


FORMS = {
    "bytes": [png(color) for color in COLORS],
    "Pillow": list(map(picture, COLORS)),
    "uint8": [pixels(color) for color in COLORS],
    "floats": [pixels(color).astype(np.float32) / 255 for color in COLORS],
    "tensors": [torch.tensor(pixels(color)).permute(2, 0, 1) for color in COLORS],
    "float tensors": [torch.tensor(pixels(color)).permute(2, 0, 1) / 255 for color in COLORS],
    "one array": np.stack([pixels(color) for color in COLORS]),
    "one tensor": torch.stack([torch.tensor(pixels(color)).permute(2, 0, 1) for color in COLORS]).half() / 255,
    "Series": pandas.Series(list(map(picture, COLORS)), index=[7, 7, 7]),
    "cells of datasets": [{"bytes": png(color), "path": None} for color in COLORS],
    "of datasets": [{"image": {"bytes": png(color), "path": None}} for color in COLORS],
}


ENCODED = ("bytes", "cells of datasets", "of datasets")


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_an_image(form):
    source = records_from(FORMS[form], captions=list(COLORS), member=[True, "nonmember", None])
    records = source.load()
    assert isinstance(source, MemorySource)
    assert first_pixels(records) == list(COLORS.values())
    assert (records.captions, records.members) == (tuple(COLORS), (1, 0, -1))
    assert len({*records.ids, *records.stamps}) == 6
    assert records.groups == records.ids
    held = FORMS["bytes"] if form in ENCODED else [None] * 3
    assert [records.encoded(row) for row in range(3)] == held


def test_equal_pixels_are_one_content():
    names = {form: records_from(FORMS[form]).name for form in FORMS}
    assert len({names[form] for form in FORMS if form not in ENCODED}) == 1
    assert len({names[form] for form in ENCODED}) == 1
    assert names["bytes"] != names["Pillow"]


def test_files_in_a_list_keep_their_names(files):
    opened = [Image.open(file) for file in files]
    for listed in (files, opened):
        records = records_from(listed, member=0).load()
        assert records.ids == tuple(files)
        assert first_pixels(records) == list(COLORS.values())
    assert all(image.tile for image in opened)  # nothing was decoded into the user's images
    opened[0].load()
    assert records_from(opened).load().ids[1:] == tuple(files[1:])
    with pytest.raises(RecordError, match="None of the 2 images of the list can be read: There is no file a cat"):
        records_from(["a cat", "nowhere.png"])
    with pytest.raises(RecordError, match="is a URL, and images are not downloaded"):
        records_from(["https://example.org/1.png"])


def test_tuples_and_objects(files):
    pairs = [(file, color, label) for file, color, label in zip(files, COLORS, (1, np.int64(0), np.nan), strict=True)]
    objects = [{"image": file, "text": color, "member": label} for file, color, label in pairs]
    for form in (pairs, objects, Pairs(pairs), Pairs(objects)):
        records = records_from(form).load()
        assert (records.ids, records.captions, records.members) == (tuple(files), tuple(COLORS), (1, 0, -1))
    mixed = records_from([files[0], (files[1],), (files[2], ["a", "b"]), (png("red"), np.nan)]).load()
    assert mixed.captions == (None, None, "a", None)
    with pytest.raises(RecordError, match=r"A number is no caption, but row 1 of the list is an image and 7\."):
        records_from([(files[0], "a"), (files[1], 7)])
    assert records_from(Pairs([(file, 7) for file in files]), captions=list(COLORS)).load().captions == tuple(COLORS)
    with pytest.raises(RecordError, match="must be objects with named parts, or none, but 1 are"):
        records_from([files[0], {"image": files[1]}])
    with pytest.raises(RecordError, match="row 0 of the list has 4 parts"):
        records_from([(files[0], "a", 1, 2)])


def test_a_data_frame(files):
    frame = pandas.DataFrame(
        {
            "photo": [files[0], pixels("blue"), png("lime"), None],
            "caption": ["a", None, np.nan, np.array(["b", "c"])],
            "member": pandas.array([True, False, None, False], dtype="boolean"),
            "id": [1, 2, 3, 4],
            "group": ["x", "x", pandas.NA, None],
        },
        index=[5, 5, 1, 0],
    )
    records = records_from(frame, columns={"image": "photo"}).load()
    assert records.ids == ("1", "2", "3", "4")
    assert records.groups == ("x", "x", "3", "4")
    assert (records.captions, records.members) == (("a", None, None, "b"), (1, 0, -1, 0))
    assert first_pixels(records.select([0, 1, 2])) == list(COLORS.values())
    with pytest.raises(OSError, match="The row has no image"):
        records.open_image(3)
    for columns, said in (
        ({}, r"no column of images in the DataFrame that is called image, img.*`columns=\{'image': ...\}`"),
        ({"photo": "image"}, "may name the column of image, caption, member, id, group, but names one of photo"),
        ({"image": "photo", "caption": "title"}, r"the DataFrame has no column \['title'\]"),
        ({"image": "photo", "id": "member"}, r"The cell of `member` is empty in row 2 of the DataFrame"),
        ({"image": "photo", "id": "group"}, r"The cell of `group` is empty in row 2"),
        ({"image": "id"}, r"An image must be a path, .* but row 0 of the DataFrame has int '1'"),
    ):
        with pytest.raises(RecordError, match=said):
            records_from(frame, columns=columns)
    frame["id"] = [1, 1, 2, 3]
    with pytest.raises(RecordError, match=r"ids must be unique, but 1 occur more than once, e.g. \['1'\]"):
        records_from(frame, columns={"image": "photo"})


def test_a_table_of_datasets(files):
    kinds = datasets.ClassLabel(names=["nonmember", "member"])
    columns = {"image": list(map(picture, COLORS)), "text": list(COLORS), "member": [1, 0, 1]}
    table = datasets.Dataset.from_dict(columns).cast_column("member", kinds).cast_column("image", datasets.Image())
    records = records_from(table.with_format("torch").select([2, 0])).load()
    assert (records.captions, records.members) == (("lime", "red"), (1, 1))
    assert first_pixels(records) == [COLORS["lime"], COLORS["red"]]
    whole = records_from(table).load()
    assert {*records.ids} < {*whole.ids}  # the order changes no id
    paths = datasets.Dataset.from_dict({"img": files}).cast_column("img", datasets.Image())
    assert records_from(paths).load().ids == tuple(files)
    with pytest.raises(RecordError, match=r"several splits. Give one of them: a, b\."):
        records_from(datasets.DatasetDict(a=table, b=table))
    with pytest.raises(
        RecordError,
        match=r"this is a datasets.iterable_dataset.IterableDataset\.",
    ):
        records_from(table.to_iterable_dataset())


def test_paths_are_ordinary_sources(files, tmp_path):
    source = records_from(tmp_path / "set", member=1)
    assert isinstance(source, FolderSource)
    assert given_to(source) == {"path": str(tmp_path / "set"), "caption_ending": None, "member": 1}
    (tmp_path / "set/red.caption").write_text("r", encoding="utf-8")
    assert records_from("set").load().captions == (None, None, "r")
    assert records_from("set", columns={"caption": None}).load().captions == (None, None, None)

    frame = pandas.DataFrame({"path": files, "text": list(COLORS), "member": [1, 0, None]})
    frame.to_csv("table.csv", sep=";", index=False)
    frame.assign(image=[{"bytes": png(color), "path": None} for color in COLORS]).to_parquet("table.parquet")
    for path, kind in (("table.csv", CsvSource), ("table.parquet", HuggingFaceSource)):
        source = records_from(path)
        records = source.load()
        assert isinstance(source, kind)
        assert (records.captions, records.members) == (tuple(COLORS), (1, 0, -1))
        assert records_from(path, member=0, columns={"member": None}).load().members == (0, 0, 0)
        with pytest.raises(RecordError, match="has labels in the column 'member', and `member` was given too"):
            records_from(path, member=0)

    lines = [json.dumps({"file_name": f"{color}.png", "text": color}) for color in COLORS]
    (tmp_path / "set/metadata.jsonl").write_text("\n".join(lines), encoding="utf-8")
    records = records_from("set", member=1).load()
    assert dict(zip(records.ids, records.captions, strict=True)) == {f"{color}.png": color for color in COLORS}
    assert records.members == (1, 1, 1)


def test_other_paths_are_refused(files, tmp_path):
    (tmp_path / "empty.csv").write_text("image,caption\n", encoding="utf-8")
    (tmp_path / "broken.parquet").write_text("x", encoding="utf-8")
    for path, said in (
        ("owner/name", "There is no folder and no file 'owner/name', seen from .*`datasets.load_dataset`"),
        ("empty.csv", "empty.csv has no line of records"),
        ("broken.parquet", "broken.parquet cannot be read as a table"),
        (files[0], "is no folder of images and no CSV or Parquet file"),
    ):
        with pytest.raises(RecordError, match=said):
            records_from(path)
    with pytest.raises(RecordError, match="A caption or label of each record goes with records in memory"):
        records_from("set", captions=list(COLORS))
    with pytest.raises(RecordError, match="names columns of a table, but set is a folder"):
        records_from("set", columns={"image": "photo"})


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ([], "There are no records in the list"),
        ((x for x in "ab"), "this is a generator. Of a generator"),
        (picture("red"), r"this is a PIL.Image.Image\. .* of one image `\[image\]`"),
        ({"image": []}, "this is a dict"),
        ([{}], "None of the 1 images of the list can be read: The row has no image"),
        (
            [pixels("red") / 127.5 - 1],
            r"floats must lie in \[0, 1\], but those of row 0 of the list reach from -1 to 1",
        ),
        ([pixels("red").astype(float)], "reach from 0 to 255"),
        ([pixels("red") * np.nan], "reach from nan to nan"),
        ([pixels("red").astype(int)], "must be uint8 .* row 0 of the list has 1x2x3 of int64"),
        (
            [torch.tensor(np.zeros((5, 6, 3), np.uint8))],
            "3 × height × width.* but row 0 of the list has 5x6x3 of uint8",
        ),
        ([np.zeros((3, 5, 6), np.uint8)], "height × width × 3.* but row 0 of the list has 3x5x6 of uint8"),
        ([np.zeros((0, 5), np.uint8)], "row 0 of the list has 0x5"),
        ([b"no image"] * 2 + [7], "row 2 of the list has int '7'"),
        ([("a.png", "b", "maybe")], "A member label must be 1, 0.*row 0 of the list has 'maybe'|None of the 1"),
    ],
)
def test_what_is_no_image_is_refused(data, said):
    with pytest.raises(RecordError, match=said):
        records_from(data)


def test_labels_and_captions_that_do_not_fit():
    for settings, said in (
        ({"captions": ["a"]}, "`captions` must be one of each record, in their order, but 1 are given of 3"),
        ({"captions": "red"}, "`captions` must be one of each record, but is 'red'. If that is a column, name it"),
        ({"captions": 5}, "must be one of each record, but is 5"),
        ({"columns": ["photo"]}, "`columns` must be an object such as"),
        ({"member": [1, 0]}, "`member` must be one of each record"),
        ({"member": 2}, "label must be 1, 0"),
        ({"member": "unknown"}, "`member` must be 1 or 0 for all records, or left out, but is 'unknown'"),
    ):
        with pytest.raises(RecordError, match=said):
            records_from(list(map(picture, COLORS)), **settings)
    labelled = [(picture("red"), "a", 1), (picture("blue"), "b", 0)]
    assert records_from(labelled, member=[1, 0]).load().members == (1, 0)
    with pytest.raises(RecordError, match=r"`member` labels row 1 of the list 1, but there it is labelled 0\."):
        records_from(labelled, member=1)
    with pytest.raises(RecordError, match="labelled a member and a non-member, in row 0 of the list and in row 2"):
        records_from([*labelled, (picture("red"), "c", 0)])
    with pytest.raises(RecordError, match="CsvSource is a source of records and has its own captions and labels"):
        records_from(CsvSource("x.csv"), member=1)


def test_data_sets_that_cannot_be_read_again(files):
    class Stream(IterableDataset):
        def __iter__(self):
            return iter([])

    class Endless(Dataset):
        def __getitem__(self, row):
            return picture("red")

    with pytest.raises(RecordError, match="Of a generator, a loader or a stream make a list"):
        records_from(Stream())
    with pytest.raises(RecordError, match="Endless has no length"):
        records_from(Endless())
    with pytest.raises(RecordError, match="There is no reading row 1 of the Dataset: Pairs raised KeyError"):
        records_from(Pairs({0: picture("red"), "x": 0}))
    with pytest.raises(RecordError, match="There are no records in the Dataset"):
        records_from(Pairs([]))


def test_sides(files):
    source = sides_from(FORMS["Pillow"][:2], files[2:])
    records = source.load()
    assert isinstance(source, SidesSource)
    assert records.members == (1, 1, 0)
    assert [name.partition("/")[0] for name in records.ids] == ["members", "members", "non_members"]
    assert records.groups == records.ids
    assert records.one_sided() == {1: ["`members`"], 0: ["`non_members`"]}
    again = SidesSource(**given_to(source))
    assert again.load().digest() == records.digest()
    frame = pandas.DataFrame({"image": files, "member": [1, 1, 0]})
    assert sides_from(frame[frame.member == 1], frame[frame.member == 0]).load().members == (1, 1, 0)
    assert ConcatSource([source]).load().ids == records.ids


def test_sides_that_contradict_each_other(files):
    frame = pandas.DataFrame({"image": files, "member": [1, 1, 0]})
    for members, others, said in (
        (frame, [png("red")], "`members` holds 1 records that their source labels 0: set/lime.png. Give only members"),
        (
            FORMS["Pillow"],
            [pixels("blue")],
            r"1 images of `non_members` are in `members` too: \w{16} \(row 0\)",
        ),
        ("set", "set", "3 images of `non_members` are in `members` too: blue.png"),
        ([(files[0], "a")], files[1:], "Only members have captions"),
        (files[1:], [(files[0], "a")], "Only non-members have captions"),
    ):
        with pytest.raises(RecordError, match=said):
            sides_from(members, others).load()
