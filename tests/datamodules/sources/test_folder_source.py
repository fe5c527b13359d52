"""Folders of images with captions in text files."""

import os

import pytest
from PIL import Image

from datamodules import FolderPeopleSource, FolderSource
from datamodules.sources.given import records_from
from lit_mia.errors import RecordError


@pytest.fixture
def folder(tmp_path, monkeypatch):
    (tmp_path / "set/10_cat").mkdir(parents=True)
    for name, color in (("a", "red"), ("b", "blue"), ("c", "lime")):
        Image.new("RGB", (2, 2), color).save(tmp_path / f"set/10_cat/{name}.png")
    (tmp_path / "set/10_cat/a.txt").write_text("\ufeffa cat, red\n\na red one\n", encoding="utf-8")
    (tmp_path / "set/10_cat/b.txt").write_text("\n", encoding="utf-8")
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def test_captions_stand_beside_the_images(folder):
    records = FolderSource("~/set", member=1).load()
    assert records.ids == records.groups == ("10_cat/a.png", "10_cat/b.png", "10_cat/c.png")
    assert records.captions == ("a cat, red", None, None)
    assert records.members == (1, 1, 1)
    assert records.open_image(2).getpixel((0, 0)) == (0, 255, 0)
    assert FolderSource("~/set").load().members == (-1, -1, -1)
    every = FolderSource("~/set", caption_choice="all").load()
    assert every.ids[:3] == ("10_cat/a.png#1", "10_cat/a.png#2", "10_cat/b.png")


def test_other_endings_and_none(folder):
    (folder / "set/10_cat/c.caption").write_text("a lime", encoding="utf-8")
    for ending in ("caption", ".caption"):
        assert FolderSource(str(folder / "set"), ending).load().captions == (None, None, "a lime")
    assert FolderSource(str(folder / "set"), None).load().captions == (None, None, None)
    with pytest.raises(RecordError, match=r"No image in .* has a caption in a file beside it such as a.tags"):
        FolderSource(str(folder / "set"), "tags").load()
    for ending in ("", ".", "captions/txt"):
        with pytest.raises(RecordError, match="`caption_ending` must be an ending such as txt, or null, but is"):
            FolderSource(str(folder / "set"), ending)


def test_no_image_is_passed_over(folder):
    (folder / "set/10_cat/c.png").rename(folder / "set/10_cat/c.jfif")
    (folder / "set/10_cat/d.heic").write_bytes(b"x")
    records = FolderSource("~/set").load()
    assert records.ids[2:] == ("10_cat/c.jfif", "10_cat/d.heic")
    assert records.open_image(2).getpixel((0, 0)) == (0, 255, 0)
    with pytest.raises(OSError, match="cannot identify image file"):
        records.open_image(3)


def test_mistakes_are_named(folder):
    with pytest.raises(RecordError, match="no folder '~/nowhere', or no image in it"):
        FolderSource("~/nowhere").load()
    (folder / "set/10_cat/a.txt").write_bytes(b"\xff\xff")
    with pytest.raises(RecordError, match=r"UTF-8, but .*a.txt holds other bytes"):
        FolderSource("~/set").load()


def test_names_of_files_that_are_not_unicode_are_named(folder):
    """As an old archive leaves them, which Linux allows."""
    image = folder / "set/10_cat/a.png"
    image.rename(image.with_name(os.fsdecode(b"caf\xe9.png")))
    with pytest.raises(RecordError, match=r"not Unicode, e.g. '10_cat/caf\\udce9.png'.*Rename these files"):
        FolderSource(str(folder / "set"), None, caption_choice="random").load()
    (folder / "set/10_cat").rename(folder / "set" / os.fsdecode(b"Zo\xeb"))
    with pytest.raises(RecordError, match=r"not Unicode, e.g. 'Zo\\udceb'"):
        FolderPeopleSource("~/set").load()


@pytest.fixture
def sides(tmp_path):
    for number, name in enumerate(("member/x/a", "member/b", "Non-Member/a", "Non-Member/c")):
        image = tmp_path / f"photos/{name}.png"
        image.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (2, 2), (number, 0, 0)).save(image)
        image.with_suffix(".txt").write_text(f"picture {number}", encoding="utf-8")
    return tmp_path / "photos"


def test_folders_are_labels(sides):
    source = FolderSource(str(sides), member="folder")
    records = source.load()
    assert dict(zip(records.ids, records.members, strict=True)) == {
        "Non-Member/a.png": 0,
        "Non-Member/c.png": 0,
        "member/b.png": 1,
        "member/x/a.png": 1,
    }
    assert records.captions == ("picture 2", "picture 3", "picture 1", "picture 0")
    assert source.origin == str(sides)
    assert records_from(sides).load().members == records.members


@pytest.mark.parametrize("stray", ["cover.png", "others/a.png"])
def test_an_image_in_no_folder_of_a_label_is_named(sides, stray):
    (sides / stray).parent.mkdir(exist_ok=True)
    Image.new("RGB", (2, 2)).save(sides / stray)
    with pytest.raises(RecordError, match=f"{stray} is in none that is called member or nonmember"):
        FolderSource(str(sides), member="folder").load()


def test_captions_of_one_label_alone_tell_it(sides):
    for file in (sides / "Non-Member").glob("*.txt"):
        file.unlink()
    with pytest.raises(RecordError, match="Only members have captions in"):
        FolderSource(str(sides), member="folder").load()
    assert FolderSource(str(sides), None, "folder").load().members == (0, 0, 1, 1)


def test_folders_are_labels_only_if_they_are_one_of_each(sides):
    with pytest.raises(RecordError, match="`member` was given too"):
        records_from(sides, member=1)
    (sides / "Non-Member").rename(sides / "members")
    assert records_from(sides).load().members == (-1,) * 4
    (sides / "members").rename(sides / "2024")
    assert records_from(sides, member=1).load().members == (1,) * 4
    with pytest.raises(RecordError, match="`member` must be 1, 0, `folder` or null, but is 'folders'"):
        FolderSource(str(sides), member="folders")
