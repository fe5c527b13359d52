"""Odd image files: each fails alone, and none for what is not its pixels."""

import io
import struct
import zlib
from contextlib import suppress

import pytest
from PIL import Image, ImageFile

from datamodules import FolderPeopleSource
from datamodules.sources.decoding import open_listed, open_rgb


def saved(file_format, **options):
    Image.new("RGB", (32, 16), "red").save(file := io.BytesIO(), file_format, **options)
    return file


def turned():
    exif = Image.Exif()
    exif[0x0112] = 6  # orientation: turned by a quarter
    return exif.tobytes()


@pytest.mark.parametrize("file_format", ["jpeg", "png", "webp", "tiff"])
def test_images_are_turned_upright_whatever_their_format(file_format):
    assert open_rgb(saved(file_format, exif=turned())).size == (16, 32)


@pytest.mark.parametrize(
    "exif",
    [
        b"Exif\0\0no exif at all",
        b"Exif\0\0II*\0\x08\0\0\0\xff\xff\x12\x01",  # more entries than there are bytes
        b"Exif\0\0" + b"\xff" * 40,
    ],
)
def test_an_image_with_odd_exif_is_taken_as_it_lies(exif):
    image = open_rgb(saved("jpeg", exif=exif))
    assert image.size == (32, 16)
    assert image.getpixel((0, 0))[0] > 250


def test_a_turned_image_is_upright_though_other_tags_are_odd():
    wide = struct.pack("<HHI4s", 0x0100, 2, 4, b"big")  # a width that is text
    turn = struct.pack("<HHII", 0x0112, 3, 1, 6)
    exif = b"Exif\0\0II*\0\x08\0\0\0" + struct.pack("<H", 2) + wide + turn + bytes(4)
    assert open_rgb(saved("jpeg", exif=exif)).size == (16, 32)


@pytest.mark.parametrize("offset", range(30, 120, 6))
def test_a_tiff_with_a_broken_entry_is_read_or_unreadable(offset):
    data = bytearray(saved("tiff", exif=turned()).getvalue())
    place = len(data) - offset
    data[place : place + 4] = b"\xff\xfe\xfd\xfc"
    with suppress(OSError):
        assert open_rgb(io.BytesIO(data)).mode == "RGB"


ERRORS = [zlib.error, IndexError, TypeError, ZeroDivisionError, KeyError, OverflowError, MemoryError, AttributeError]


class _Broken(ImageFile.ImageFile):
    """A decoder that fails as those of others do."""

    format = "BROKEN"

    def _open(self):
        raise ERRORS[self.fp.read(8)[7]]("on purpose")


@pytest.fixture(params=ERRORS)
def broken(request, monkeypatch):
    for registry in ("ID", "OPEN"):
        monkeypatch.setattr(Image, registry, getattr(Image, registry).copy())
    Image.register_open("BROKEN", _Broken, lambda prefix: prefix.startswith(b"broken!"))
    return b"broken!" + bytes([ERRORS.index(request.param)])


def test_whatever_a_decoder_raises_makes_an_image_unreadable(broken):
    with pytest.raises(OSError, match="image"):
        open_rgb(io.BytesIO(broken))


def test_one_bad_image_of_a_person_fails_alone(tmp_path):
    (tmp_path / "Ana").mkdir()
    (tmp_path / "Ana/1.png").write_bytes(saved("png").getvalue()[:-40])
    Image.new("RGB", (2, 2)).save(tmp_path / "Ana/2.png")
    people = FolderPeopleSource(str(tmp_path)).load()
    with pytest.raises(OSError, match=r"(?i)image|truncated"):
        people.open_image(0, 0)
    assert people.open_image(0, 1).size == (2, 2)


def test_a_url_is_not_downloaded(tmp_path):
    with pytest.raises(OSError, match=r"https://example.org/1.jpg is a URL, and images are not downloaded"):
        open_listed("https://example.org/1.jpg", tmp_path / "1.jpg")
