"""A changed image under an unchanged id is seen: its stamp changes, and its pixels are decoded anew."""

import io
import os

import datasets
import pytest
from PIL import Image

from datamodules.sources import CsvSource, HuggingFaceSource
from datamodules.sources.places import file_stamp
from lit_mia.features.pixels import decode_images

NAMES = ("a.png", "b.png", "c.png")
RED, BLUE = [255, 0, 0], [0, 0, 255]


def draw(file, color, size=4):
    Image.new("RGB", (size, size), color).save(file)


def png(color):
    buffer = io.BytesIO()
    Image.new("RGB", (4, 4), color).save(buffer, "png")
    return buffer.getvalue()


@pytest.fixture(params=["csv", "imagefolder"])
def source(request, tmp_path, monkeypatch):
    """Three red images in a folder `images`, read either way."""
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    (folder := tmp_path / "images").mkdir()
    for name in NAMES:
        draw(folder / name, "red")
    if request.param == "imagefolder":
        return HuggingFaceSource("imagefolder", data_dir=str(folder), member=1)
    (folder / "records.csv").write_text("\n".join(["image", *NAMES]))
    return CsvSource(str(folder / "records.csv"), caption_column=None, member_column=None)


@pytest.fixture
def decoded(tmp_path):
    """Decodes records, and gives the colour of each."""
    return lambda records: decode_images(records, 4, tmp_path / "decoded").images[:, :, 0, 0].tolist()


def changed(before, after):
    return [name for name, old, new in zip(before.ids, before.stamps, after.stamps, strict=True) if old != new]


def test_other_pixels_under_the_same_name_are_seen(source, decoded, tmp_path):
    before = source.load()
    assert decoded(before) == [RED] * 3
    draw(tmp_path / "images/b.png", "blue")
    after = source.load()
    assert (after.ids, changed(before, after)) == (before.ids, ["b.png"])
    assert decoded(after) == [RED, BLUE, RED]
    assert after.digest() == before.digest(), "locked splits stay those of the ids"


def test_another_size_is_seen_at_the_same_time_of_change(source, decoded, tmp_path):
    file, before = tmp_path / "images/b.png", source.load()
    assert decoded(before) == [RED] * 3
    facts = file.stat()
    draw(file, "blue", size=40)
    os.utime(file, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    after = source.load()
    assert changed(before, after) == ["b.png"]
    assert decoded(after) == [RED, BLUE, RED]


def test_an_unchanged_table_is_decoded_once(source, decoded, tmp_path):
    first = source.load()
    decoded(first)
    made = {path: path.stat().st_mtime_ns for path in (tmp_path / "decoded").iterdir()}
    again = source.load()
    decoded(again)
    assert again.stamps == first.stamps
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "decoded").iterdir()} == made


def test_rows_in_another_order_have_pixels_of_their_own(source, decoded, tmp_path):
    draw(tmp_path / "images/a.png", "blue")
    records = source.load()
    assert decoded(records) == [BLUE, RED, RED]
    assert decoded(records.select([2, 0])) == [RED, BLUE]


def test_a_missing_image_is_decoded_once_it_is_there(tmp_path):
    (tmp_path / "records.csv").write_text("image\na.png\n")
    source = CsvSource(str(tmp_path / "records.csv"), caption_column=None, member_column=None)
    assert source.load().stamps == (f"{tmp_path}/a.png: missing",)
    assert decode_images(source.load(), 4, tmp_path / "decoded").unread == {0: "No such file or directory"}
    draw(tmp_path / "a.png", "red")
    assert decode_images(source.load(), 4, tmp_path / "decoded").unread == {}


def test_images_inside_a_table_are_stamped_by_their_bytes(tmp_path, monkeypatch, decoded):
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")

    def load(*colors):
        images = [None if color is None else {"bytes": png(color), "path": None} for color in colors]
        table = datasets.Dataset.from_dict({"image": images}, datasets.Features({"image": datasets.Image()}))
        table.to_parquet(tmp_path / "table.parquet")
        return HuggingFaceSource("parquet", data_files=str(tmp_path / "table.parquet"), member=1).load()

    colors = ["red"] * 100  # more than are read at once
    before, same = load(*colors), load(*colors)
    assert len(before.stamps) == 100
    assert set(before.stamps) == {before.stamps[0]} == {*same.stamps}
    after = load(*colors[:70], "blue", *colors[71:99], None)
    assert [row for row, stamp in enumerate(after.stamps) if stamp != before.stamps[0]] == [70, 99]
    assert decoded(after.select([69, 70])) == [RED, BLUE]


@pytest.mark.parametrize("name", ["gone.png", "circle.png", "nul\0byte.png", "x" * 300])
def test_what_is_no_file_has_a_stamp_that_says_so(tmp_path, name):
    (tmp_path / "circle.png").symlink_to(tmp_path / "circle.png")
    assert file_stamp(tmp_path / name) == f"{tmp_path / name}: missing"


def test_a_link_is_stamped_by_where_it_leads(tmp_path):
    for name in ("a.png", "b.png"):
        draw(tmp_path / name, "red")
        os.utime(tmp_path / name, ns=(0, 0))
    link = tmp_path / "link.png"
    link.symlink_to("a.png")
    before = file_stamp(link)
    link.unlink()
    link.symlink_to("b.png")
    assert before == file_stamp(tmp_path / "a.png") != file_stamp(link)
