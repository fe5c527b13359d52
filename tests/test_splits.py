"""Splits: stable, disjoint by group, and never redrawn."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import pytest
from PIL import Image

from lit_mia.errors import SplitError
from lit_mia.records import Records
from lit_mia.splits import SPLITS, assign_splits, check_splits, group_coin, lock_splits


def _records(
    names: Sequence[str], members: Sequence[int] | None = None, groups: Sequence[str] | None = None
) -> Records:
    return Records(
        ids=tuple(names),
        captions=(None,) * len(names),
        members=tuple(members or [i % 2 for i in range(len(names))]),
        groups=tuple(groups or names),
        open_image=lambda row: Image.new("RGB", (2, 2)),
        stamps=tuple(names),
    )


def _where(records: Records, seed: int = 0) -> dict[str, str]:
    splits = assign_splits(records, seed=seed)
    return {records.ids[row]: name for name, rows in splits.rows.items() for row in rows}


def test_a_record_keeps_its_split_when_others_are_added_or_reordered():
    few = [f"r{i}" for i in range(200)]
    many = [f"new{i}" for i in range(50)] + few[::-1]
    before, after = _where(_records(few)), _where(_records(many))
    assert all(after[name] == before[name] for name in few)
    assert _where(_records(few), seed=1) != before


def test_groups_stay_together_and_unknown_records_stay_out():
    names = [f"r{i}" for i in range(200)]
    records = _records(names, [(-1, 0, 1)[i % 3] for i in range(200)], [f"g{i // 4}" for i in range(200)])
    splits = assign_splits(records)
    seen = [row for rows in splits.rows.values() for row in rows]
    assert sorted(seen) == [row for row in range(200) if records.members[row] != -1]
    groups = [{records.groups[row] for row in splits.rows[name]} for name in SPLITS]
    assert sum(len(kept) for kept in groups) == len(set.union(*groups)) == splits.n_groups == 50


def test_sizes_follow_the_fractions():
    splits = assign_splits(_records([f"r{i}" for i in range(4000)]))
    sizes = splits.sizes()
    assert [sum(sizes[name].values()) / 4000 for name in SPLITS] == pytest.approx([0.4, 0.1, 0.1, 0.4], abs=0.02)
    assert sum(classes["member"] for classes in sizes.values()) == 2000


@pytest.mark.parametrize("fractions", [(0.5, 0.5), (0.4, 0.1, 0.1, 0.5), (0.5, 0.0, 0.1, 0.4), (float("nan"),) * 4])
def test_odd_fractions_are_refused(fractions):
    with pytest.raises(SplitError, match="four positive numbers that sum to 1"):
        assign_splits(_records(["a"]), fractions)


@pytest.mark.parametrize("each", [8, 12, 20, 50])
def test_few_records_are_enough_whatever_the_hash(each):
    records = _records([f"r{i}" for i in range(2 * each)])
    for seed in range(200):
        check_splits(assign_splits(records, seed=seed), records)


def test_what_falls_well_by_itself_is_left_where_it_fell():
    records = _records([f"r{i}" for i in range(100)])
    edges = {"train": (0, 0.4), "val": (0.4, 0.5), "calibration": (0.5, 0.6), "test": (0.6, 1)}
    moved = []
    for seed in range(200):
        where = _where(records, seed)
        off = [n for n, name in where.items() if not edges[name][0] <= group_coin(seed, n) < edges[name][1]]
        gained = Counter((where[n], records.members[records.ids.index(n)]) for n in off)
        sizes = assign_splits(records, seed=seed).sizes()
        assert all(sizes[name][("non_member", "member")[member]] == 2 for name, member in gained)
        moved.append(len(off))
    assert 0 < sum(map(bool, moved)) < 60
    assert max(moved) <= 4


def test_mixed_and_large_groups_move_whole_or_not_at_all():
    names = [f"r{i}" for i in range(48)]
    records = _records(names, [i % 2 for i in range(48)], [f"g{i // 4}" for i in range(48)])
    for seed in range(100):
        where = _where(records, seed)
        assert all(len({where[f"r{4 * g + i}"] for i in range(4)}) == 1 for g in range(12))
        check_splits(assign_splits(records, seed=seed), records)
    lonely = _records(names, [0] * 40 + [1] * 8, ["one"] * 40 + names[40:])
    with pytest.raises(SplitError, match="test at least 2 groups of each"):
        check_splits(assign_splits(lonely), lonely)


def test_a_split_without_a_class_is_refused_with_its_counts():
    members = _records([f"r{i}" for i in range(100)], [1] * 99 + [0])
    with pytest.raises(SplitError, match=r"99 members and 1 non-members in 100 groups"):
        check_splits(assign_splits(members), members)
    balanced = _records([f"r{i}" for i in range(200)])
    check_splits(assign_splits(balanced), balanced)


def test_a_test_split_with_one_group_of_a_class_is_refused_before_anything_is_asked():
    single = _records([f"r{i}" for i in range(200)])
    splits = assign_splits(single)
    one = replace(
        single,
        groups=tuple(
            "twins" if row in splits.rows["test"] and single.members[row] == 1 else name
            for row, name in enumerate(single.ids)
        ),
    )
    with pytest.raises(SplitError, match="test at least 2 groups of each"):
        check_splits(splits, one)


def test_the_digest_depends_on_the_ids_and_not_on_their_order():
    names = [f"r{i}" for i in range(40)]
    plain = assign_splits(_records(names, [1] * 40)).digest
    assert assign_splits(_records(names[::-1], [1] * 40)).digest == plain
    assert assign_splits(_records(names, [1] * 39 + [0])).digest != plain


def test_locked_splits_are_never_redrawn(tmp_path):
    records, lock = _records([f"r{i}" for i in range(100)]), tmp_path / "run" / "splits.json"
    splits = assign_splits(records)
    lock_splits(splits, records, lock)
    lock_splits(assign_splits(records), records, lock)
    content = json.loads(lock.read_text())
    assert content["ids"]["val"] == [records.ids[row] for row in splits.rows["val"]]
    assert [file.name for file in lock.parent.iterdir()] == ["splits.json"]
    with pytest.raises(SplitError, match=r"never redrawn.*seed: locked 0, now 3"):
        lock_splits(assign_splits(records, seed=3), records, lock)
    with pytest.raises(SplitError, match="fractions: locked"):
        lock_splits(assign_splits(records, (0.1, 0.1, 0.1, 0.7)), records, lock)
    more = _records([f"r{i}" for i in range(101)])
    with pytest.raises(SplitError, match="records: locked"):
        lock_splits(assign_splits(more), more, lock)
    assert json.loads(lock.read_text()) == content


@pytest.mark.parametrize("text", ["{", "[]", '{"seed": 0}'])
def test_a_damaged_lock_is_named(tmp_path, text):
    records, lock = _records(["a", "b"]), tmp_path / "splits.json"
    lock.write_text(text)
    with pytest.raises(SplitError, match=r"splits\.json"):
        lock_splits(assign_splits(records), records, lock)
