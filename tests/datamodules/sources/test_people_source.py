"""People from folders and a table."""

import hashlib

import pytest
from PIL import Image

from datamodules import FolderPeopleSource
from lit_mia.errors import RecordError
from lit_mia.records import MEMBER, NON_MEMBER, UNKNOWN, People, name_key, spelled


@pytest.fixture
def folder(tmp_path):
    for name, count in (("Ana_Petrov", 3), ("Ben Osei", 2), ("Zoë Lind", 1)):
        (tmp_path / "people" / name).mkdir(parents=True)
        for i in range(count):
            Image.new("RGB", (5, 4), (i, 0, 0)).save(tmp_path / "people" / name / f"{i}.png")
    (tmp_path / "people/Ana_Petrov/notes.txt").write_text("no image")
    (tmp_path / "people/.cache").mkdir()
    return tmp_path


def source(folder, table=None, **options):
    if table is not None:
        (folder / "people.csv").write_text(table, encoding="utf-8")
        options |= {"table": str(folder / "people.csv")}
    return FolderPeopleSource(str(folder / "people"), **options)


def test_folders_and_table_are_joined_by_name(folder):
    table = "name,member,occurrences\nZoë Lind,0,0\nAna Petrov,1,12\n"  # another spelling of ë, another order
    people = source(folder, table, occurrences_column="occurrences").load()
    assert people.names == ("Ana Petrov", "Ben Osei", "Zoë Lind")
    assert people.members == (MEMBER, UNKNOWN, NON_MEMBER)
    assert people.occurrences == (12, None, 0)
    assert people.image_counts == (3, 2, 1)
    assert people.open_image(0, 2).getpixel((0, 0)) == (2, 0, 0)


def test_nothing_is_known_without_a_table(folder):
    assert source(folder).load().members == (UNKNOWN,) * 3
    assert source(folder).names_in_pool() == ()


def test_images_that_were_trained_on_are_left_out(folder):
    (folder / "held_in.txt").write_text("Ana_Petrov/1.png\n")
    people = source(folder, held_in=str(folder / "held_in.txt")).load()
    assert people.image_counts == (2, 2, 1)
    assert people.open_image(0, 1).getpixel((0, 0)) == (2, 0, 0)
    (folder / "held_in.txt").write_text("\ufeffAna_Petrov\\1.png\n", encoding="utf-8")  # as Windows writes it
    assert source(folder, held_in=str(folder / "held_in.txt")).load().image_counts == (2, 2, 1)
    (folder / "held_in.txt").write_text("Ana_Petrov/9.png\n")
    with pytest.raises(RecordError, match=r"1 files that are no image of anybody.*9\.png"):
        source(folder, held_in=str(folder / "held_in.txt")).load()


def test_held_in_names_files_by_where_they_are(folder, tmp_path, monkeypatch):
    (folder / "held_in.txt").write_text("./Ben Osei/../Ana_Petrov/1.png\n")
    (folder / "link").symlink_to(folder / "people")
    monkeypatch.chdir(folder)
    for path in ("people", "link", str(folder / "people")):
        assert FolderPeopleSource(path, held_in="held_in.txt").load().image_counts == (2, 2, 1)
    (folder / "held_in.txt").write_text("Ana_Petrov/notes.txt\n")  # there, but no image
    with pytest.raises(RecordError, match=r"no image of anybody.*notes\.txt"):
        source(folder, held_in="held_in.txt").load()


def test_only_files_that_can_be_images_are_listed(folder):
    ana = folder / "people/Ana_Petrov"
    (ana / "dangling.jpg").symlink_to(ana / "nowhere.jpg")
    (ana / "folder.jpg").mkdir()
    (ana / "._0.png").write_bytes(b"resource fork")
    assert source(folder).load().image_counts == (3, 2, 1)


def test_the_stamp_tells_subfolders_apart(folder):
    ana = folder / "people/Ana_Petrov"
    before = source(folder).load().stamp(0)
    for place in ("a", "b"):
        (ana / place).mkdir()
    (ana / "2.png").rename(ana / "a/2.png")
    middle = source(folder).load().stamp(0)
    (ana / "a/2.png").rename(ana / "b/2.png")
    assert len({before, middle, source(folder).load().stamp(0)}) == 3


def test_the_stamp_follows_the_files(folder):
    before = source(folder).load()
    Image.new("RGB", (9, 9)).save(folder / "people/Ben Osei/1.png")
    after = source(folder).load()
    assert [before.stamp(row) == after.stamp(row) for row in range(3)] == [True, False, True]


def test_only_the_stamps_of_people_with_deep_grey_are_new(folder):
    """What was kept of other people before deep grey was scaled is still known by the same stamp."""
    Image.new("I;16", (5, 4), 65535).save(folder / "people/Ben Osei/1.png")
    people, kept = source(folder).load(), []
    for name in ("Ana_Petrov", "Ben Osei", "Zoë Lind"):
        files = sorted((folder / "people" / name).glob("*.png"))
        facts = [(file.name, file.stat().st_size, file.stat().st_mtime_ns) for file in files]
        kept.append(hashlib.sha256(repr(facts).encode()).hexdigest())
    assert [people.stamp(row) == kept[row] for row in range(3)] == [True, False, True]


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("name\nAna Petrov\n", r"no column \['member'\]"),
        ("name,member\nAna Petrov,1\nAna_Petrov,0\n", "line 3 .* has 'Ana Petrov' again"),
        ("name,member\n,1\n", "has no name"),
        ("name,member\nCleo Unseen,1\n", "1 people without a folder.*Cleo Unseen"),
        ("name,member\nAna Petrov,maybe\n", "line 2 .*'maybe'"),
        ("name,member,occurrences\nAna Petrov,1,many\n", "whole number.*'many'"),
        ("name,member,occurrences\nAna Petrov,0,4\n", "non-members with some, e.g. .*Ana Petrov"),
    ],
)
def test_mistakes_in_the_table_are_named(folder, table, message):
    column = "occurrences" if "occurrences" in table else None
    with pytest.raises(RecordError, match=message):
        source(folder, table, occurrences_column=column).load()


def test_mistakes_in_the_folders_are_named(folder, tmp_path):
    with pytest.raises(RecordError, match="no folder"):
        FolderPeopleSource(str(tmp_path / "nowhere")).load()
    (tmp_path / "empty").mkdir()
    with pytest.raises(RecordError, match="holds no folders"):
        FolderPeopleSource(str(tmp_path / "empty")).load()
    (folder / "people/Ana Petrov").mkdir()
    with pytest.raises(RecordError, match="'Ana Petrov' and 'Ana_Petrov' name the same person"):
        source(folder).load()


def test_people_of_one_name_cannot_be_told_apart():
    with pytest.raises(RecordError, match="1 occur more than once"):
        People(("Ana Petrov", "Ana_Petrov"), (1, 0), (None, None), (1, 1), lambda row, image: Image.new("RGB", (1, 1)))
    for twin in ("ana petrov", "ANA_PETROV"):
        with pytest.raises(RecordError, match="1 occur more than once"):
            People(("Ana Petrov", twin), (1, 0), (None, None), (1, 1), lambda row, image: Image.new("RGB", (1, 1)))
    assert name_key("Ana O’Neil") == name_key("ana_o'neil")
    assert spelled(" Ana__Petrov\u00a0") == "Ana Petrov"
