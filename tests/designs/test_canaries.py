"""Canaries: tiers, controls, keys and exchanged captions; too many for the data are refused with the numbers."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from designed import Settings, drawn, scene, seen, table

from lit_mia.designs import Canaries, look_through
from lit_mia.designs.canaries import dealt
from lit_mia.designs.patterns import mosaic, random_words
from lit_mia.errors import DesignError

N = 300
MANY = Canaries(copies=(1, 4), per_tier=6, budget=0.5)


def entries(canaries=MANY, seed="s", looked=None):
    return drawn(looked or seen(N), Settings(0.5, "imagefolder", canaries), seed).manifest.entries


def test_tiers_and_controls_are_as_asked_for():
    found = [entry for entry in entries() if entry.kind != "record"]
    per_tier = Counter((entry.kind, entry.copies) for entry in found)
    kinds = ("token", "permuted", "synthetic")
    assert per_tier == {
        **{(k, c): 6 for k in kinds for c in (1, 4)},
        **{("token", 0): 34, ("permuted", 0): 33, ("synthetic", 0): 33},
    }
    assert {entry.control for entry in found if entry.copies == 0} == {True}
    assert not any(entry.included for entry in found if entry.control)
    assert not any(entry.control for entry in found if entry.copies)
    tossed = [
        entry.included
        for seed in range(30)
        for entry in entries(seed=str(seed))
        if entry.kind != "record" and entry.copies
    ]
    assert abs(np.mean(tossed) - 0.5) < 4 * 0.5 / np.sqrt(len(tossed))


def test_real_images_leave_the_ordinary_records():
    found = entries()
    assert len({entry.id for entry in found}) == len(found) == N + 45
    real = [entry for entry in found if entry.kind in ("token", "permuted")]
    assert len(real) == 2 * 12 + 67
    assert {entry.id for entry in real} <= set(seen(N).records.ids)
    again = {entry.id for entry in entries(seed="t") if entry.kind in ("token", "permuted")}
    assert again != {entry.id for entry in real}, "the seed decides which"


def test_keys_are_unique_words_that_no_caption_has():
    found = entries()
    keyed = [entry for entry in found if entry.kind in ("token", "synthetic")]
    assert len({entry.key for entry in keyed}) == len(keyed)
    assert all(entry.caption.startswith(entry.key) for entry in keyed)
    assert {entry.key for entry in found if entry not in keyed} == {None}
    assert random_words("a") != random_words("b")
    assert len(random_words("a").split()) == 3


def test_captions_are_exchanged_without_fixed_points():
    captions = [f"picture {row // 3}" for row in range(N)]
    looked = look_through(table([scene(seed) for seed in range(N)], captions))
    for seed in range(20):
        permuted = [entry for entry in entries(seed=str(seed), looked=looked) if entry.kind == "permuted"]
        own = [captions[int(entry.id[1:])] for entry in permuted]
        assert sorted(own) == sorted(entry.caption for entry in permuted)
        assert all(entry.caption != caption for entry, caption in zip(permuted, own, strict=True))


def test_captions_that_differ_in_capitals_and_blanks_alone_are_not_exchanged():
    captions = [f"Picture  {row // 3} " if row % 2 else f"picture {row // 3}" for row in range(N)]
    looked = look_through(table([scene(seed) for seed in range(N)], captions))
    for seed in range(20):
        permuted = [entry for entry in entries(seed=str(seed), looked=looked) if entry.kind == "permuted"]
        assert all(entry.caption.split()[-1] != str(int(entry.id[1:]) // 3) for entry in permuted)


def test_records_that_are_called_as_canaries_are_refused():
    """They would share a file with one of them."""
    records = seen(N).records
    named = replace(records, ids=("lit-mia canary 00003", *records.ids[1:]))
    with pytest.raises(DesignError, match=r"called as synthetic canaries are \(lit-mia canary 00003\)"):
        dealt(MANY, named, "s")


def test_captions_that_are_mostly_equal_cannot_be_exchanged():
    looked = look_through(table([scene(seed) for seed in range(N)], ["a bird"] * N))
    with pytest.raises(DesignError, match=r"have the same caption.*Leave `permuted` out"):
        dealt(MANY, looked.records, "s")


def test_a_canary_takes_its_whole_group(caplog):
    groups = tuple(f"g{row // 2}" if row < 280 else f"r{row}" for row in range(N))
    looked = look_through(table([scene(seed) for seed in range(N)], groups=groups))
    found = entries(looked=looked)
    real = {entry.group for entry in found if entry.kind in ("token", "permuted")}
    assert {f"r{row}" for row in range(280, N)} <= real, "the smallest groups first"
    assert Counter(entry.group for entry in found if entry.group in real) == dict.fromkeys(real, 1)
    assert f"{91 - 20} records are left out" in caplog.text


def test_patterns_are_of_the_usual_size_and_differ():
    first, second = mosaic("a", (40, 24)), mosaic("b", (40, 24))
    assert first.size == (40, 24)
    assert first.tobytes() != second.tobytes()
    assert first.tobytes() == mosaic("a", (40, 24)).tobytes()
    assert len(first.getcolors()) > 4
    assert mosaic("a", (1, 1)).size == (1, 1)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"never": 99}, "`never` must be at least 100"),
        ({"kinds": ()}, "`kinds` of canaries must name at least one kind"),
        ({"copies": (0, 1)}, "`copies` of canaries must be at least 1"),
        ({"copies": (4, 4)}, "must be different numbers"),
        ({"per_tier": 0}, "`per_tier` of canaries must be at least 1"),
        ({"budget": 1.0}, r"`budget` of canaries must be in \(0, 1\)"),
    ],
)
def test_values_out_of_range_are_refused(values, said):
    with pytest.raises(DesignError, match=said):
        Canaries(**values)


def test_too_many_canaries_for_the_data_are_refused_with_the_numbers():
    with pytest.raises(DesignError) as refused:
        entries(Canaries(copies=(1, 4), per_tier=2, budget=0.05))
    message = str(refused.value)
    assert "fill 11.8% of the training files, but `budget` is 5.0%. They need 645 records" in message
    assert "of which there are 300, or a `budget` of 0.118" in message
    assert len(entries(Canaries(copies=(1, 4), per_tier=2, budget=0.118))) == 300 + 37
    with pytest.raises(DesignError, match="the real images of 91 groups, but there are 80 groups"):
        dealt(MANY, seen(80).records, "s")


def test_canaries_that_captions_tell_need_a_layout_with_captions():
    with pytest.raises(DesignError, match="'dreambooth' has no captions"):
        Settings(0.5, "dreambooth", MANY)
    assert Settings(0.5, "dreambooth", Canaries(kinds=("synthetic",))).canaries
