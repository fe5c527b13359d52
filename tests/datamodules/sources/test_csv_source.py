"""CSV files of image paths."""

import pytest
from PIL import Image

from datamodules.sources import CsvSource
from lit_mia.errors import RecordError


def _csv(folder, text):
    path = folder / "records.csv"
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_paths_are_relative_to_the_file_and_labels_may_be_unknown(tmp_path):
    (tmp_path / "images").mkdir()
    Image.new("RGBA", (4, 4), (0, 0, 0, 0)).save(tmp_path / "images" / "a.png")
    (tmp_path / "images" / "c.png").write_bytes(b"no image")
    text = '\ufeffimage,caption,member\nimages/a.png,"a cat, asleep",1\nb.png,,0\nimages/c.png,c,unknown\nd.png,d,\n'
    records = CsvSource(_csv(tmp_path, text)).load()
    assert records.ids == records.groups == ("images/a.png", "b.png", "images/c.png", "d.png")
    assert records.captions == ("a cat, asleep", None, "c", "d")
    assert records.members == (1, 0, -1, -1)
    assert records.open_image(0).getpixel((0, 0)) == (255, 255, 255)
    for row in (1, 2):
        with pytest.raises(OSError, match=r"b\.png|image"):
            records.open_image(row)


def test_ids_and_groups_of_their_own(tmp_path):
    path = _csv(tmp_path, "file,name,artist\na.png,first,X\nb.png,second,\n")
    source = CsvSource(path, "file", caption_column=None, member_column=None, id_column="name", group_column="artist")
    records = source.load()
    assert (records.ids, records.groups, records.members) == (("first", "second"), ("X", "second"), (-1, -1))


def test_a_label_of_the_whole_file(tmp_path):
    path = _csv(tmp_path, "image\na.png\nb.png\n")
    assert CsvSource(path, caption_column=None, member_column=None, member=0).load().members == (0, 0)
    with pytest.raises(RecordError, match="Give `member` for the whole source or `member_column` for each record"):
        CsvSource(path, member=1)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("image,caption,member\na.png,a,1\nb.png,b,maybe\n", "line 3 of .* has 'maybe'"),
        ("image,caption,member\na.png,a,-1\n", "line 2 of .* has '-1'"),
        ('image,caption,member\na.png,"two\nlines",1\n,b,0\n', "Line 4 of .* empty `image`"),
        ("image,caption,member\na.png,a\n", "Line 2 of .* must have 3 cells"),
        ("image,caption,member\na.png,a,b,1\n", "Line 2 of .* must have 3 cells"),
        ("image,text\na.png,a\n", r"no column \['caption', 'member'\]; it has \['image', 'text'\]"),
        (
            "image,caption,member\na.png,a,1\na.png,b,0\n",
            r"must be unique.*1 of them with different labels, e.g. \['a.png'\]",
        ),
        ('image,caption,member\n"a.png,a,1\n', "cannot be read"),
        ("", r"it has \[\]"),
    ],
)
def test_errors_say_where(tmp_path, text, message):
    with pytest.raises(RecordError, match=message):
        CsvSource(_csv(tmp_path, text)).load()


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(RecordError, match=r"gone\.csv"):
        CsvSource(str(tmp_path / "gone.csv")).load()
