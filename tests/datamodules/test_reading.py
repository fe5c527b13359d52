"""Images that come later, and records that show the same: what becomes of splits, queries and the report."""

import json
import shutil

import pytest
from small_records import QUARTERS, SEED, N

from datamodules.sources import CsvSource
from lit_mia.audits.membership.accounts import table_notes
from lit_mia.errors import RecordError, SplitError
from lit_mia.splits import assign_splits


@pytest.fixture
def folder(tmp_path, source):
    return tmp_path / "records"


@pytest.fixture
def ungrouped(folder):
    """The same records of a source that states no groups."""
    return CsvSource(str(folder / "r.csv"))


def ids_by_split(view):
    return {split: {view.known.ids[row] for row in rows} for split, rows in view.splits.rows.items()}


def lock_of(tmp_path):
    return json.loads((tmp_path / "store/splits.json").read_text())


def test_no_image_at_all_is_an_error_before_anything_is_locked_or_asked(tmp_path, folder, data, ink):
    folder.rename(tmp_path / "elsewhere")
    folder.mkdir()
    shutil.copy(tmp_path / "elsewhere/r.csv", folder)
    target = ink()
    with pytest.raises(
        RecordError, match=rf"None of the {N} images can be read: {N} × .*No such file or directory \(r00\.png, .*…\)"
    ):
        data(target=target).query()
    assert target.asked() == []
    assert not (tmp_path / "store/splits.json").exists()
    shutil.copytree(tmp_path / "elsewhere", folder, dirs_exist_ok=True)
    module = data(target=target)
    module.query()
    assert len(target.asked()) == len(module.view.known) == N
    assert module.view.skipped == {}


def test_images_that_come_later_are_asked_about_and_nothing_is_redrawn(tmp_path, folder, data, ink):
    target, late = ink(), ("r04.png", "r05.png")
    for name in late:
        (folder / name).rename(tmp_path / name)
    first = data(target=target)
    first.query()
    assert set(first.view.skipped) == set(late)
    assert table_notes(first.view) == ["2 records were skipped: 2 × unreadable image: No such file or directory."]
    before, lock = ids_by_split(first.view), lock_of(tmp_path)
    for name in late:
        (tmp_path / name).rename(folder / name)
    second = data(target=target)
    second.query()
    assert len(target.asked()) == N, "only the two were asked about"
    assert {split: ids - {*late} for split, ids in ids_by_split(second.view).items()} == before
    assert second.view.skipped == {}
    assert lock_of(tmp_path) == lock
    assert second.view.splits.digest == first.view.splits.digest == lock["digest"]


def test_a_lock_that_leaves_unreadable_records_out_still_holds(tmp_path, folder, data):
    (folder / "r04.png").write_bytes(b"no image")
    readable = CsvSource(str(folder / "r.csv"), group_column="artist").load()
    readable = readable.select([row for row, name in enumerate(readable.ids) if name != "r04.png"])
    former = assign_splits(readable, QUARTERS, SEED)
    lock = {"digest": former.digest, "records": readable.digest(), "seed": SEED, "fractions": QUARTERS, "ids": {}}
    (tmp_path / "store").mkdir()
    (tmp_path / "store/splits.json").write_text(json.dumps(lock))
    splits = data().view.splits
    assert (splits.rows, splits.digest) == (former.rows, former.digest)
    with pytest.raises(SplitError, match="never redrawn"):
        _ = data(fractions=(0.3, 0.2, 0.25, 0.25)).view.splits


def test_too_few_readable_records_are_refused_although_there_are_more(folder, data):
    for row in range(0, N, 2):
        (folder / f"r{row:02d}.png").write_bytes(b"no image")
    with pytest.raises(SplitError, match="Each split needs at least 2 members"):
        _ = data().view.splits


# ---------------------------------------------------------------------- records that show the same


@pytest.fixture
def copied(folder):
    """Pictures under two names: one on both sides, one on one side."""
    shutil.copy(folder / "r00.png", folder / "r01.png")
    shutil.copy(folder / "r02.png", folder / "r08.png")


@pytest.mark.usefixtures("copied")
def test_without_groups_of_the_source_equal_images_are_one_group(ungrouped, data, caplog):
    module = data(source=ungrouped)
    groups = dict(zip(module.view.known.ids, module.view.known.groups, strict=True))
    assert (groups["r01.png"], groups["r08.png"]) == ("r00.png", "r02.png")
    assert len(set(groups.values())) == N - 2
    assert sum({"r00.png", "r01.png"} <= ids for ids in ids_by_split(module.view).values()) == 1
    assert sum({"r02.png", "r08.png"} <= ids for ids in ids_by_split(module.view).values()) == 1
    (note,) = table_notes(module.view)
    assert note.removesuffix(".") in caplog.text
    assert "r00.png = r01.png; r02.png = r08.png." in caplog.text
    assert "in 2 sets, of which 1 hold members and non-members" in note


@pytest.mark.usefixtures("copied")
def test_groups_of_the_source_stay_and_equal_images_are_reported(data):
    module = data()
    assert set(module.view.known.groups) == {f"artist r{row}" for row in range(N)}
    assert [of.ids for of in module.view.duplicates] == [("r00.png", "r01.png"), ("r02.png", "r08.png")]
    assert [(of.groups, of.sides, of.exact) for of in module.view.duplicates] == [(2, 2, True), (2, 1, True)]


@pytest.mark.usefixtures("copied")
def test_the_user_decides(tmp_path, ungrouped, data, ink):
    assert len(set(data(source=ungrouped, near_duplicates="report").view.known.groups)) == N
    assert len(set(data(near_duplicates="group", store=str(tmp_path / "other")).view.known.groups)) == N - 2
    target = ink()
    with pytest.raises(RecordError, match=r"r00\.png = r01\.png.*Keep one of each, or set `near_duplicates`"):
        data(target=target, near_duplicates="refuse").query()
    assert target.asked() == []


def test_records_that_are_different_are_left_alone(ungrouped, data):
    view = data(source=ungrouped, near_duplicates="refuse").view
    assert view.known.groups == view.known.ids
    assert (view.duplicates, table_notes(view)) == ([], [])
