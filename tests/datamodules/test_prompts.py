"""Captions that are not the records' own: which ones, the same each time, and nothing else changes."""

from collections import Counter
from dataclasses import replace

import pytest
from small_records import ALL, LABELS, QUARTERS

from datamodules.prompts import FIXED, prompted, prompts_told
from lit_mia.errors import RecordError
from lit_mia.features.open_clip_encoder import OpenClipEncoder
from lit_mia.records import Records
from lit_mia.splits import assign_splits


def table(n=60, per_group=1, unknown=0):
    """Records whose captions are their ids, in groups of one side."""
    ids = tuple(f"r{number:03d}" for number in range(n))
    members = tuple(-1 if number < unknown else number // per_group % 2 for number in range(n))
    groups = tuple(f"g{number // per_group:03d}" for number in range(n))
    return Records(ids, ids, members, groups, open_image=lambda row: None, stamps=ids)


def split_of(records):
    rows = assign_splits(records, QUARTERS).rows
    return {records.ids[row]: name for name, of_split in rows.items() for row in of_split}


def given(records, prompts, seed=0):
    """Id → id of the record whose caption it was given."""
    return dict(zip(records.ids, prompted(records, split_of(records), prompts, seed).captions, strict=True))


@pytest.mark.parametrize("per_group", [1, 3])
def test_shuffled_captions_stay_in_split_and_side_and_leave_their_group(per_group):
    records = table(120, per_group)
    caption, splits = given(records, "shuffled"), split_of(records)
    side, group = (dict(zip(records.ids, column, strict=True)) for column in (records.members, records.groups))
    assert Counter(caption.values()) == Counter(records.ids)  # each is given once
    assert all((splits[a], side[a]) == (splits[b], side[b]) for a, b in caption.items())
    assert all(group[a] != group[b] for a, b in caption.items())


def test_swapped_captions_are_of_the_other_side_of_the_split():
    records = table(200)
    records = replace(records, members=tuple(int(number % 3 == 0) for number in range(200)))
    caption, splits = given(records, "swapped"), split_of(records)
    side = dict(zip(records.ids, records.members, strict=True))
    assert all(side[a] + side[b] == 1 and splits[a] == splits[b] for a, b in caption.items())
    for split in set(splits.values()):
        used = Counter(b for a, b in caption.items() if splits[a] == split and side[a] == 0)
        assert max(used.values()) - min(used.values()) <= 1  # fewer members give, each about as often
        assert len(used) == sum(side[a] for a in splits if splits[a] == split)


def test_swapped_captions_leave_groups_that_hold_both_sides():
    records = table(120)
    records = replace(records, groups=tuple(f"g{number // 4}" for number in range(120)))
    group = dict(zip(records.ids, records.groups, strict=True))
    for seed in range(20):
        assert all(group[a] != group[b] for a, b in given(records, "swapped", seed).items())


def test_one_text_for_all():
    assert set(given(table(), "fixed").values()) == {FIXED}


@pytest.mark.parametrize("prompts", ["shuffled", "swapped"])
def test_records_of_unknown_membership_are_dealt_among_themselves(prompts):
    records = table(100, unknown=20)
    caption = given(records, prompts)
    strangers = set(records.ids[:20])
    assert {caption[name] for name in strangers} == strangers
    assert all(caption[name] != name for name in strangers)


@pytest.mark.parametrize("prompts", ["shuffled", "swapped"])
def test_the_seed_decides_and_not_the_order_of_records(prompts):
    records = table(120)
    backwards = records.select(range(len(records))[::-1])
    assert given(records, prompts) == given(backwards, prompts)
    assert given(records, prompts) != given(records, prompts, seed=1)


def test_own_captions_are_left_as_they_are():
    records = table()
    assert prompted(records, {}, "own", 0) is records
    assert prompts_told("own") == []


@pytest.mark.parametrize("prompts", ["fixed", "shuffled", "swapped"])
@pytest.mark.parametrize("empty", [None, " "])
def test_records_without_captions_are_refused(prompts, empty):
    records = table()
    bare = replace(records, captions=(empty, *records.captions[1:]))
    with pytest.raises(
        RecordError, match=f"`prompts: {prompts}` replaces captions, but 1 of 60 records have none: r000"
    ):
        prompted(bare, split_of(bare), prompts, 0)


def test_the_target_is_asked_these_captions_and_no_answer_is_lost(data, tiny_clip_folder):
    encoder = OpenClipEncoder(str(tiny_clip_folder), device="cpu")
    own = data(encoder=encoder)
    own.query()
    asked = own.target.asked()
    shuffled = data(encoder=encoder, prompts="shuffled")
    assert shuffled.estimate().missing == len(LABELS)
    shuffled.query()
    again = shuffled.target.asked()[len(asked) :]
    assert Counter(prompt for prompt, _ in again) == Counter(prompt for prompt, _ in asked)
    assert {seed for _, seed in again} == {seed for _, seed in asked}  # of each record its own, with another caption
    assert not set(again) & set(asked)
    assert own.estimate().missing == 0  # both sets of answers are there
    assert shuffled.view.splits.digest == own.view.splits.digest

    own.prepare(ALL)
    shuffled.prepare(ALL)
    first, second = own.arrays.batch([*range(len(LABELS))]), shuffled.arrays.batch([*range(len(LABELS))])
    assert bool((first["image_embedding"] == second["image_embedding"]).all())
    texts = [sorted(map(tuple, batch["text_embedding"].round(decimals=4).tolist())) for batch in (first, second)]
    assert texts[0] == texts[1]
    assert not bool((first["text_embedding"] == second["text_embedding"]).all(dim=1).any())
    assert shuffled.with_own_captions(shuffled.view.known).captions == own.view.known.captions


def test_a_placebo_is_asked_the_same_captions(data, ink, tmp_path):
    shuffled = data(prompts="shuffled")
    placebo = shuffled.answered_by(ink("placebo", ink=1), str(tmp_path / "placebo store"))
    assert placebo.view.labelled.captions == shuffled.view.labelled.captions


def test_the_report_says_what_was_asked():
    (told,) = prompts_told("swapped")
    assert told.startswith("Negative control (`prompts: swapped`): members were given captions of non-members")
