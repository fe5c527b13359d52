"""Records labelled by what a training wrote down."""

import json

import pytest
from small_records import write_records

from datamodules import MembershipSource, OpenMojiSource
from lit_mia.errors import RecordError

IDS = [f"r{number:02d}.png" for number in range(6)]
COIN = {"share": 0.5, "seed": 7}


@pytest.fixture
def source(tmp_path):
    """Makes a source over six records with some labels, and the file that says who was trained on."""

    def make(labels=("",) * 6, folder="target", **said):
        place = tmp_path / folder
        place.mkdir(exist_ok=True)
        stated = {"members": [IDS[4], IDS[0]], "held_out": IDS[1:3], "coin": COIN} | said
        (place / "membership.json").write_text(json.dumps(stated), encoding="utf-8")
        return MembershipSource(write_records(tmp_path / "records", labels), str(place))

    return make


def test_members_were_trained_on_and_others_are_left_out(source, tmp_path):
    records = source().load()
    assert dict(zip(records.ids, records.members, strict=True)) == {IDS[0]: 1, IDS[1]: 0, IDS[2]: 0, IDS[4]: 1}
    assert records.captions == ("picture r00", "picture r01", "picture r02", "picture r04")
    by_file = MembershipSource(source().source, str(tmp_path / "target/membership.json"))
    assert by_file.load().ids == records.ids


def test_a_coin_is_vouched_for_and_quoted(source):
    design = source().design
    assert (design.kind, design.verified) == ("randomized_split", False)
    assert "share 0.5, public seed 7" in design.sentences[0]
    assert "2 members and 2 that" in design.sentences[0]


def test_without_a_coin_the_sources_own_labels_hold(source):
    agreed = source(("1", "0", "0", "1", "1", "0"), coin=None)
    assert agreed.design is agreed.source.design is None
    assert agreed.load().members == (1, 0, 0, 1)
    with pytest.raises(RecordError, match=r"no coin.*labels 1 records otherwise, e.g. \['r01.png'\]"):
        source(("1", "1", "0", "1", "1", "0"), coin=None).load()
    assert source(("1", "1", "0", "1", "1", "0")).load().members == (1, 0, 0, 1)


@pytest.mark.parametrize(
    ("said", "match"),
    [
        ({"held_out": None}, "does not say `held_out`.*add the list of ids"),
        ({"members": "r00.png"}, "`members` of .* must be a list of ids, each once"),
        ({"members": [1, 2]}, "must be a list of ids"),
        ({"members": [IDS[0], IDS[0]]}, "each once"),
        ({"held_out": []}, "`held_out` of .* is empty.*`member_share` below 1"),
        ({"held_out": [IDS[0]]}, "1 ids as members and as held out"),
        ({"coin": {"share": "half"}}, "`coin` of .* must be null or have `share` and `seed`"),
        ({"members": ["other.png"]}, r"1 of 3 ids that the source has not, e.g. \['other.png'\].*has \['r00.png'"),
    ],
)
def test_files_that_do_not_say_it_are_refused(source, said, match):
    with pytest.raises(RecordError, match=match):
        source(**said).load()


@pytest.mark.parametrize(
    ("text", "match"), [(None, "cannot be read .No such file"), ("{", "as JSON"), ("[]", "object with `members`")]
)
def test_what_is_no_such_file_is_refused(source, tmp_path, text, match):
    place = tmp_path / "other.json"
    if text is not None:
        place.write_text(text, encoding="utf-8")
    with pytest.raises(RecordError, match=match):
        MembershipSource(source().source, str(place)).load()


def test_shipped_targets_are_found_by_name():
    with pytest.raises(RecordError, match=r"openmoji-shadow/membership\.json does not say `held_out`.*OpenMojiSource"):
        MembershipSource(OpenMojiSource("shadow"), "shipped:openmoji-shadow").load()


def test_what_is_true_of_the_source_is_true_of_its_part(source):
    wrapped = source()
    assert wrapped.parts == (wrapped.source,)
    assert wrapped.shift is None
    assert not wrapped.multiplies
