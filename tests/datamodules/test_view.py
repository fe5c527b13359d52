"""Records, their splits, and who was left out: every change is another view."""

import dataclasses

import pytest
from PIL import Image

from datamodules.view import RecordView
from lit_mia.errors import SplitError
from lit_mia.records import Records
from lit_mia.splits import LEARNED, SPLITS, assign_splits

N = 40
SEED = 61  # at this one each quarter holds four records of each class or more
MEMBERS = (1, 0) * (N // 2) + (-1, -1)
IDS = tuple(f"r{row:02d}" for row in range(len(MEMBERS)))
RECORDS = Records(IDS, IDS, MEMBERS, IDS, lambda row: Image.new("RGB", (row + 1, 1)), stamps=IDS)
SKIPPED = {"gone": "unreadable image"}


@pytest.fixture
def locks():
    """The tables whose splits were locked."""
    return []


@pytest.fixture
def view(locks):
    def lock(records, usable):
        locks.append(records)
        assert {*usable} == {*records.ids}
        return assign_splits(records, (0.25, 0.25, 0.25, 0.25), seed=SEED)

    return RecordView.of(RECORDS, RECORDS, lock, SKIPPED)


def ids_by_split(view):
    return {split: [view.known.ids[row] for row in rows] for split, rows in view.splits.rows.items()}


def test_a_table_is_parted_by_what_is_known_of_it(view):
    assert (view.labelled.ids, view.unlabelled.ids) == (IDS[:N], IDS[N:])
    assert view.known is view.labelled
    assert view.unknown is view.unlabelled
    assert view.unlabelled.open_image(1).size == (N + 2, 1)
    assert (view.skipped, view.refused) == (SKIPPED, {})


def test_splits_are_locked_when_they_are_first_looked_at(view, locks):
    assert view.known.ids == IDS[:N]
    assert locks == []
    assert view.splits == view.locked == view.splits
    assert [table.ids for table in locks] == [IDS[:N]]


@pytest.mark.parametrize("name", [field.name for field in dataclasses.fields(RecordView)])
def test_a_view_cannot_be_changed(view, name):
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(view, name, None)


def test_who_leaves_makes_another_view_and_the_reasons_are_kept(view):
    whole = ids_by_split(view)
    less = view.without({"r03": "moderation", "r41": "no answer"})
    least = less.without({"r03": "another reason", "r08": "time"})
    assert least.refused == {"r03": "moderation", "r41": "no answer", "r08": "time"}
    assert least.skipped == SKIPPED
    assert less.refused == {"r03": "moderation", "r41": "no answer"}
    assert (view.refused, ids_by_split(view)) == ({}, whole)
    assert (least.labelled, least.unlabelled) == (view.labelled, view.unlabelled)
    assert set(least.known.ids) == {*IDS[:N]} - {"r03", "r08"}
    assert least.unknown.ids == ("r40",)
    assert ids_by_split(least) == {s: [name for name in ids if name not in least.refused] for s, ids in whole.items()}
    assert least.splits.digest == least.locked.digest == view.locked.digest
    assert (least.splits.n_groups, least.locked.n_groups) == (N - 2, N)


def test_who_is_gone_already_makes_no_other_view(view):
    less = view.without({"r03": "moderation"})
    assert less.without({"r03": "another reason"}) is less
    assert view.without({}) is view


def test_test_records_leave_the_view_and_the_lock_stays(view):
    whole = ids_by_split(view)
    rest = view.without({"r03": "moderation"}).of_splits(LEARNED)
    assert set(rest.splits.rows) == {*SPLITS} - {"test"}
    assert ids_by_split(rest) == {s: [i for i in ids if i != "r03"] for s, ids in whole.items() if s != "test"}
    assert set(rest.labelled.ids) == {*IDS[:N]} - {*whole["test"]}
    assert rest.locked.digest == view.locked.digest
    assert rest.refused == {"r03": "moderation"}
    assert (rest.unlabelled, rest.skipped) == (view.unlabelled, SKIPPED)
    assert ids_by_split(view) == whole
    later = rest.without({name: "time" for name in whole["val"][:1]})
    assert ids_by_split(later)["val"] == [name for name in whole["val"][1:] if name != "r03"]


def test_a_split_that_loses_a_class_is_refused_with_the_count(view):
    less = view.without(dict.fromkeys(IDS[:N:2], "moderation"))
    with pytest.raises(SplitError, match=r"After 20 of 40 records were refused: Each split needs at least 2 members"):
        _ = less.splits
    assert less.known.members == (0,) * (N // 2)
