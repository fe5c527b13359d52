"""Groups are joined by ids: whole groups go together, whatever the order, and others stay."""

from itertools import permutations

from PIL import Image

from lit_mia.records import Records


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
