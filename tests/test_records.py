"""Tables of records: joined groups, and rows by label and by caption."""

from dataclasses import replace
from itertools import permutations

from PIL import Image

from lit_mia.records import MEMBER, NON_MEMBER, UNKNOWN, Records


def table(**group_of):
    ids = tuple(group_of)
    return Records(
        ids, (None,) * len(ids), (1,) * len(ids), tuple(group_of.values()), lambda _: Image.new("RGB", (1, 1)), ids
    )


def test_whole_groups_are_joined_in_any_order():
    records = table(a="x", b="x", c="y", d="z", e="w", f="v")
    for sets in permutations([("b", "c"), ("c", "d"), ("e", "e")]):
        assert records.joined(sets).groups == ("x", "x", "x", "x", "w", "v")
    assert records.joined([("d", "a")]).groups == ("x", "x", "y", "x", "w", "v")
    assert records.joined([]).groups == records.groups
    assert records.joined([("b", "c")]).ids == records.ids


def test_rows_are_found_by_their_labels():
    records = replace(table(a="x", b="x", c="y", d="z"), members=(1, -1, 0, 1))
    assert (records.rows_of(MEMBER), records.rows_of(UNKNOWN)) == ([0, 3], [1])
    assert records.rows_of(NON_MEMBER, MEMBER) == [0, 2, 3]


def test_a_blank_caption_is_none():
    records = replace(table(a="x", b="x", c="y", d="z"), captions=("a cat", None, "", " \n"))
    assert records.uncaptioned() == ["b", "c", "d"]
