"""What headers of files tell."""

from dataclasses import replace
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from datamodules.sources import ConcatSource, CsvSource, FolderSource
from lit_mia.features.file_facts import FACTS, TYPES, file_facts, jpeg_quality
from lit_mia.records import Records

IMAGE = Image.fromarray(np.random.default_rng(0).integers(0, 256, (24, 36, 3), dtype=np.uint8))


def encoded(kind, **options):
    IMAGE.save(buffer := BytesIO(), kind, **options)
    return buffer.getvalue()


def records(kept):
    ids = tuple(map(str, range(len(kept))))
    return Records(ids, ids, (1,) * len(ids), ids, lambda row: IMAGE, stamps=ids, encoded=kept.__getitem__)


@pytest.mark.parametrize("quality", [25, 30, 50, 75, 90, 95, 100])
def test_the_quality_of_a_jpeg_is_read_off_its_tables(quality):
    assert abs(jpeg_quality(Image.open(BytesIO(encoded("JPEG", quality=quality)))) - quality) <= 1


def test_where_numbers_are_cut_the_order_of_qualities_stays():
    found = [jpeg_quality(Image.open(BytesIO(encoded("JPEG", quality=quality)))) for quality in (1, 5, 10, 20, 30)]
    assert found == sorted(set(found))


def test_files_bytes_and_images_tell_what_they_can(tmp_path):
    png, jpeg = encoded("PNG"), encoded("JPEG", quality=80)
    (tmp_path / "a.png").write_bytes(png)
    found = file_facts(records([tmp_path / "a.png", jpeg, None]), tmp_path / "kept")
    assert found.shape == (3, len(FACTS))
    assert found[0].tolist()[:4] == [36, 24, 1.5, TYPES.index("PNG")]
    assert (np.isnan(found[0, 4]), found[0, 5]) == (True, len(png))
    assert (found[1, 3], round(found[1, 4]), found[1, 5]) == (TYPES.index("JPEG"), 80, len(jpeg))
    assert found[2, :3].tolist() == [36, 24, 1.5]
    assert np.isnan(found[2, 3:]).all()


def test_damaged_files_tell_nothing_and_stop_nobody(tmp_path):
    found = file_facts(records([tmp_path / "gone.png", b"no image", encoded("PNG")]), tmp_path / "kept")
    assert np.isnan(found[:2]).all()
    assert np.isfinite(found[2, 0])


def test_no_pixel_is_decoded_and_nothing_is_read_twice(tmp_path):
    jpeg = encoded("JPEG")
    cut = jpeg[: jpeg.index(b"\xff\xda") + 20]  # headers alone
    table = records([cut])
    assert file_facts(table, tmp_path)[0, 0] == 36

    def fail(row):
        raise AssertionError

    assert file_facts(replace(table, encoded=fail), tmp_path)[0, 0] == 36


def test_sources_of_files_say_where_they_are(tmp_path):
    (tmp_path / "images").mkdir()
    for name in ("a", "b"):
        IMAGE.save(tmp_path / f"images/{name}.png")
    (tmp_path / "list.csv").write_text("image,caption,member\nimages/b.png,b,1\nimages/a.png,a,0\n", encoding="utf-8")
    folder = FolderSource(str(tmp_path / "images"), caption_ending=None)
    table = ConcatSource([CsvSource(str(tmp_path / "list.csv")), folder], prefixes=["x", "y"]).load()
    names = [table.encoded(row).name for row in range(4)]
    assert names == ["b.png", "a.png", "a.png", "b.png"]
    assert table.select([3, 1]).encoded(0).name == "b.png"
