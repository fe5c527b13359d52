"""CSV files as spreadsheets, pandas and Windows write them; several rows and captions for an image."""

import logging

import pytest
from PIL import Image

from datamodules import CsvSource, FolderPeopleSource
from lit_mia.errors import RecordError

LINES = ["id,image,caption,member", "r1,images/a.png,a cat,1.0", "r2,images/b.png,a dog,0.0"]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    (tmp_path / "images").mkdir()
    for name, color in (("a", "red"), ("b", "blue")):
        Image.new("RGB", (2, 2), color).save(tmp_path / f"images/{name}.png")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def written(folder, lines, **encoding):
    (folder / "records.csv").write_text("\n".join(lines), **({"encoding": "utf-8"} | encoding))
    return CsvSource("records.csv", id_column="id" if lines[0].startswith("id") else None)


@pytest.mark.parametrize(("delimiter", "name"), [(",", None), (";", "semicolons"), ("\t", "tabs"), ("|", "bars")])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_delimiters_and_encodings(folder, caplog, delimiter, name, encoding):
    caplog.set_level(logging.INFO)
    source = written(folder, [line.replace(",", delimiter) for line in LINES], encoding=encoding)
    records = source.load()
    assert (records.ids, records.captions, records.members) == (("r1", "r2"), ("a cat", "a dog"), (1, 0))
    assert [record.message for record in caplog.records] == (
        [f"records.csv is read with {name} between its cells"] if name else []
    )


def test_quoted_cells_in_another_dialect(folder):
    records = written(
        folder, ['"id";"image";"caption";"member"', '"r1";"images/a.png";"a cat; asleep, at last";"1"']
    ).load()
    assert records.captions == ("a cat; asleep, at last",)


def test_spaces_in_the_header_do_not_count(folder):
    assert written(folder, ["id, image, caption , member", *LINES[1:]]).load().members == (1, 0)


def test_a_column_that_is_there_twice_is_refused(folder):
    with pytest.raises(RecordError, match=r"more than one column \['caption'\]. Rename"):
        written(folder, [f"{LINES[0]},caption", f"{LINES[1]},other"]).load()


def test_another_encoding_is_named(folder):
    with pytest.raises(RecordError, match=r"cannot be read as a CSV file in UTF-8 or UTF-16.*Save it as UTF-8"):
        written(folder, [LINES[0], "r1,images/a.png,tableau é,1"], encoding="latin-1").load()


def test_paths_from_windows_are_found_under_unchanged_ids(folder):
    records = written(folder, ["image,caption,member", "images\\a.png,a cat,1"]).load()
    assert records.ids == ("images\\a.png",)
    assert records.open_image(0).getpixel((0, 0)) == (255, 0, 0)
    Image.new("RGB", (2, 2), "lime").save(folder / "images\\a.png")  # a name that this system may have
    assert written(folder, ["image,caption,member", "images\\a.png,a cat,1"]).load().open_image(0).getpixel((0, 0)) == (
        0,
        255,
        0,
    )


def test_home_is_expanded_in_paths_and_cells(folder, monkeypatch):
    monkeypatch.setenv("HOME", str(folder))
    written(folder, ["image,caption,member", "~/images/a.png,a cat,1", "~nobody-here.png,b,1"])
    records = CsvSource("~/records.csv").load()
    assert records.open_image(0).getpixel((0, 0)) == (255, 0, 0)
    assert records.ids == ("~/images/a.png", "~nobody-here.png")


def test_rows_of_one_image_are_one_group(folder):
    lines = ["image,caption,member", "images/a.png,one,1", "images/b.png,other,0", "images/a.png,two,1"]
    records = written(folder, lines).load()
    assert records.ids == ("images/a.png", "images/b.png", "images/a.png#2")
    assert records.groups == ("images/a.png", "images/b.png", "images/a.png")
    assert records.captions == ("one", "other", "two")
    assert not records.grouped
    named = written(folder, [f"id,{lines[0]}", *(f"{row},{line}" for row, line in enumerate(lines[1:]))]).load()
    assert (named.ids, named.groups) == (("0", "1", "2"), ("0", "1", "0"))


def test_one_image_on_both_sides_is_refused(folder):
    lines = ["image,caption,member", "images/a.png,one,1", "images/a.png,two,0"]
    with pytest.raises(RecordError, match=r"1 of them with different labels, e.g. \['images/a.png'\]. Name a column"):
        written(folder, lines).load()


def test_a_record_for_each_caption(folder):
    (folder / "records.csv").write_text(
        'image,caption,member\nimages/a.png,"[""one"", ""two""]",1\nimages/b.png,other,0\n', encoding="utf-8"
    )
    records = CsvSource("records.csv", caption_choice="all").load()
    assert records.ids == ("images/a.png#1", "images/a.png#2", "images/b.png")
    assert records.captions == ("one", "two", "other")
    assert records.groups == ("images/a.png", "images/a.png", "images/b.png")
    assert records.members == (1, 1, 0)
    assert [records.open_image(row).getpixel((0, 0))[0] for row in range(3)] == [255, 255, 0]
    assert CsvSource("records.csv").load().captions == ("one", "other")


def test_urls_are_not_downloaded(folder):
    lines = ["image,caption,member", "https://example.org/1.jpg,a,1"]
    with pytest.raises(RecordError, match=r"Column 'image' of records\.csv holds URLs, e\.g\. https://example\.org/1"):
        written(folder, lines).load()
    records = written(folder, [*lines, "images/a.png,b,0"]).load()
    with pytest.raises(OSError, match="is a URL"):
        records.open_image(0)


def test_people_in_words_and_with_counts_by_pandas(folder):
    (folder / "people/Ana").mkdir(parents=True)
    (folder / "people/Ben").mkdir()
    (folder / "people.csv").write_text("name;member;count\nAna;member;12.0\nBen;;nan\n", encoding="utf-16")
    people = FolderPeopleSource("people", "people.csv", occurrences_column="count").load()
    assert (people.members, people.occurrences) == ((1, -1), (12, None))
