import pytest
from PIL import Image

from lit_mia.errors import ReportError
from lit_mia.report.gallery import contact_sheet

RED, BLUE = (255, 0, 0), (0, 0, 255)


def test_each_image_stands_above_its_generation():
    pairs = [(Image.new("RGB", (10, 10), RED), Image.new("RGB", (20, 20), BLUE))] * 3
    sheet = contact_sheet(pairs, columns=2)
    assert sheet.size == (2 * 18 + 8, 2 * 36 + 8)
    assert sheet.getpixel((12, 12)) == RED
    assert sheet.getpixel((12, 22)) == BLUE
    assert sheet.getpixel((12 + 18, 12)) == RED
    assert sheet.getpixel((12 + 18, 12 + 36)) == (255, 255, 255)


def test_no_pairs_or_columns():
    with pytest.raises(ReportError, match="0 pairs, 2 columns"):
        contact_sheet([], columns=2)
    with pytest.raises(ReportError, match="1 pairs, 0 columns"):
        contact_sheet([(Image.new("RGB", (2, 2)), Image.new("RGB", (2, 2)))], columns=0)
