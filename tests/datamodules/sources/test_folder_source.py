"""Folders of images with captions in text files."""

import os

import pytest
from PIL import Image

from datamodules import FolderPeopleSource, FolderSource
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
