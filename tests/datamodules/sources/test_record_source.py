"""What all sources share: decoding and labels."""

import io

import pytest
from PIL import Image

from datamodules.sources.decoding import open_rgb
from datamodules.sources.labels import parse_member
from lit_mia.errors import RecordError


def _jpeg(**options):
    image = Image.new("RGB", (32, 16), "red")
    buffer = io.BytesIO()
    image.save(buffer, "jpeg", **options)
    return buffer


def test_images_are_turned_upright():
    exif = Image.Exif()
    exif[0x0112] = 6  # orientation: turned by a quarter
    assert open_rgb(_jpeg(exif=exif)).size == (16, 32)
    assert open_rgb(_jpeg()).size == (32, 16)


def test_huge_and_cut_off_images_are_unreadable(monkeypatch):
    with pytest.raises(OSError, match=r"(?i)truncated"):
        open_rgb(io.BytesIO(_jpeg().getvalue()[:-60]))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    with pytest.raises(OSError, match="Not a readable image"):
        open_rgb(_jpeg())


@pytest.mark.parametrize(
    ("cell", "member"),
    [
        *((cell, 1) for cell in (1, 1.0, True, "1", "1.0", "True", "yes", "member", "Member")),
        *((cell, 0) for cell in (0, 0.0, False, " 0 ", "0.0", "FALSE", "no", "nonmember", "non-member", "non_member")),
        *((cell, -1) for cell in (None, "", "Unknown", float("nan"), "NaN", "none", "null")),
    ],
)
def test_labels(cell, member):
    assert parse_member(cell, "row 0") == member


@pytest.mark.parametrize("cell", [2, -1, 0.5, "-1", "0.5", "train", "test", "maybe", float("inf")])
def test_other_labels_are_refused(cell):
    with pytest.raises(RecordError, match="row 3 has"):
        parse_member(cell, "row 3")
