"""Several sources in one table."""

import pytest
from PIL import Image

from datamodules.sources import ConcatSource, CsvSource
from lit_mia.errors import RecordError


def _source(folder, color, member):
    folder.mkdir()
    Image.new("RGB", (2, 2), color).save(folder / f"{color}.png")
    (folder / "r.csv").write_text(f"image,member\n{color}.png,{member}\n")
    return CsvSource(str(folder / "r.csv"), caption_column=None)


def test_rows_open_the_image_of_their_own_source(tmp_path):
    sources = [_source(tmp_path / color, color, member) for color, member in (("red", 1), ("blue", 0), ("lime", ""))]
    records = ConcatSource(sources).load()
    assert records.ids == ("red.png", "blue.png", "lime.png")
    assert records.members == (1, 0, -1)
    pixels = [records.open_image(row).getpixel((0, 0)) for row in range(3)]
    assert pixels == [(255, 0, 0), (0, 0, 255), (0, 255, 0)]
    assert records.stamps == tuple(stamp for source in sources for stamp in source.load().stamps)


def test_an_id_in_two_sources_is_refused(tmp_path):
    source = _source(tmp_path / "a", "red", 1)
    with pytest.raises(RecordError, match=r"must be unique.*red\.png.*prefixes: \[a, b\]"):
        ConcatSource([source, source]).load()


def test_no_source_is_refused():
    with pytest.raises(RecordError, match="at least one source"):
        ConcatSource([]).load()


def test_prefixes_tell_equal_names_apart(tmp_path):
    source = _source(tmp_path / "a", "red", 1)
    other = CsvSource(source.path, caption_column=None, group_column="member")
    records = ConcatSource([source, other], prefixes=["a", "b"]).load()
    assert records.ids == ("a/red.png", "b/red.png")
    assert records.groups == ("a/red.png", "1"), "a stated group may reach over several sources"
    for wrong in (["a"], ["a", "a"], ["a", ""], ["a", "b", "b"]):
        with pytest.raises(RecordError, match="another name for each of 2 sources"):
            ConcatSource([source, other], prefixes=wrong).load()


def test_a_stated_group_that_is_called_like_a_record_is_known_by_its_images(tmp_path):
    lines = {"a": ["1,x.png,1", "2,y.png,1", "3,z.png,", "4,z.png,"], "b": ["5,x.png,1", "6,y.png,"]}
    sources = []
    for name, rows in lines.items():
        for image in ("x", "y", "z"):
            (tmp_path / name).mkdir(exist_ok=True)
            Image.new("RGB", (4, 4)).save(tmp_path / name / f"{image}.png")
        (tmp_path / name / "rows.csv").write_text("\n".join(["id,image,artist", *rows]), encoding="utf-8")
        columns = {"caption_column": None, "member_column": None, "id_column": "id", "group_column": "artist"}
        sources.append(CsvSource(str(tmp_path / name / "rows.csv"), **columns))
    records = ConcatSource(sources, prefixes=["a", "b"]).load()
    assert records.ids == ("a/1", "a/2", "a/3", "a/4", "b/5", "b/6")
    assert records.groups == ("1", "1", "a/3", "a/3", "1", "b/6")
