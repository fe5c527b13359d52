"""Two kinds of emoji that a target never saw, one of them called its members."""

from collections import Counter

import pytest

from datamodules import OpenMojiSource, ShiftedOpenMojiSource
from datamodules.sources.openmoji import all_emoji, image_folder, owner
from datamodules.sources.openmoji_shifted import KINDS, kind_of
from lit_mia.audits.agreement import agreed_design
from lit_mia.errors import RecordError


@pytest.fixture
def cache(tmp_path):
    """A cache that holds a placeholder for every emoji."""
    folder = image_folder(str(tmp_path), 64)
    folder.mkdir()
    for code, _, _ in all_emoji():
        (folder / f"{code}.png").write_bytes(b"placeholder")
    return str(tmp_path)


@pytest.mark.parametrize("unseen_by", ["demo", "shadow"])
def test_neither_side_was_trained_on(cache, unseen_by):
    records = ShiftedOpenMojiSource(unseen_by=unseen_by, cache_dir=cache).load()
    of_target = OpenMojiSource(unseen_by, cache_dir=cache).load()
    trained = {name for name, member in zip(of_target.ids, of_target.members, strict=True) if member}
    assert not trained & set(records.ids)
    assert {owner(group) for group in records.groups} == {"demo", "shadow", "nobody"} - {unseen_by}


def test_members_are_of_one_kind_and_non_members_of_the_other(cache):
    records = ShiftedOpenMojiSource("animals", "food", cache_dir=cache).load()
    names = {
        member: {caption for caption, of in zip(records.captions, records.members, strict=True) if of == member}
        for member in (0, 1)
    }
    assert {"cat", "whale"} <= names[1]
    assert {"red apple", "avocado"} <= names[0]
    assert Counter(kind_of(code) for code in records.ids) == {"animals": len(names[1]), "food": len(names[0])}
    assert Counter(ShiftedOpenMojiSource(cache_dir=cache).load().members) == {1: 91, 0: 153}


def test_kinds_do_not_overlap():
    points = [point for some in KINDS.values() for part in some for point in part]
    assert len(points) == len(set(points))
    assert kind_of("1F1E9-1F1EA") is None


def test_it_is_post_hoc_whatever_is_written(cache):
    source = ShiftedOpenMojiSource(cache_dir=cache)
    assert agreed_design(source, None, None).kind == "post_hoc"
    for design in ("same_source_holdout", "randomized_split"):
        with pytest.raises(RecordError, match=r"allow only `design: post_hoc`.*Members show smileys and non-mem"):
            agreed_design(source, design, "a coin")


def test_two_kinds_are_needed():
    with pytest.raises(RecordError, match=r"both 'food'. Choose two of smileys, animals, food, symbols"):
        ShiftedOpenMojiSource("food", "food")
