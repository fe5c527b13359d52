"""What a design says of itself: read back as written, committed to, and public without telling who is in."""

import hashlib
import json
from dataclasses import replace

import pytest
from designed import plan_of, write_design

from lit_mia.designs import Manifest
from lit_mia.errors import DesignError


def test_a_manifest_is_read_as_it_was_written(tmp_path):
    written = write_design(tmp_path, 50)
    assert Manifest.read(tmp_path) == written
    assert [entry.id for entry in written.entries] == sorted(entry.id for entry in written.entries)
    content = json.loads((tmp_path / "secret/coin.json").read_bytes())
    assert content["format"] == "lit-mia/design/1"
    assert list(content) == sorted(content)
    assert set(content["entries"][0]) == {
        *("id", "group", "included", "kind", "copies", "control", "key", "caption", "pixels", "files"),
    }


def test_the_commitment_is_of_salt_and_coins(tmp_path):
    manifest = write_design(tmp_path, 50)
    public = json.loads((tmp_path / "design.json").read_bytes())
    coins = (tmp_path / "secret/coin.json").read_bytes()
    expected = hashlib.sha256(bytes.fromhex(manifest.salt) + coins).hexdigest()
    assert public["commitment"] == manifest.commitment == expected
    assert set(public) == {"format", "commitment", "include", "layout", "files", "records", "groups", "canaries"}
    assert public["files"] == len(list((tmp_path / "train").glob("*.png")))
    assert (public["records"], public["groups"]) == (50, 50)


def test_nothing_outside_secret_holds_seed_or_salt(tmp_path):
    manifest = write_design(tmp_path, 50, seed="a seed to look for")
    files = [path for path in tmp_path.rglob("*") if path.is_file() and path.parent.name != "secret"]
    assert len(files) == 53
    for secret in (manifest.seed, manifest.salt, "r001"):
        told = [path for path in files if path.name != "metadata.jsonl" and secret.encode() in path.read_bytes()]
        assert told == []


@pytest.mark.parametrize(
    ("file", "old", "new", "said"),
    [
        ("secret/coin.json", '"included": false', '"included": true', "is not what .*design.json commits to"),
        ("design.json", '"commitment": "', '"commitment": "0', "is not what .*design.json commits to"),
        ("secret/coin.json", "design/1", "design/2", "has the format 'lit-mia/design/2'"),
        ("secret/coin.json", '"kind": "record"', '"kind": "bird"', "none of record, token, permuted, synthetic"),
        ("secret/coin.json", '"pixels"', '"pixel"', "is not a design's: .*pixel"),
        ("secret/coin.json", "{", "", "cannot be read as JSON"),
        ("design.json", "{", "[{", "cannot be read as JSON"),
        ("design.json", '"include": 0.5', '"include": 0.9', "says another include than .*coin.json"),
        ("design.json", '"records": 50', '"records": 500', "says another records than .*coin.json"),
    ],
)
def test_what_was_changed_is_refused(tmp_path, file, old, new, said):
    write_design(tmp_path, 50)
    text = (tmp_path / file).read_text(encoding="utf-8")
    (tmp_path / file).write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(DesignError, match=said):
        Manifest.read(tmp_path)


def test_coins_that_were_chosen_and_committed_to_are_refused(tmp_path):
    """Even if nobody published a commitment with which they could be compared."""
    manifest = write_design(tmp_path, 50)
    first, *others = manifest.entries
    for changed, said in (
        ({"entries": (replace(first, included=not first.included), *others)}, r"seed gives \(r000\)"),
        ({"include": 0.9}, r"seed gives \(r"),
        ({"salt": "5a" * 32}, "its salt is another"),
    ):
        replace(manifest, **changed).write(tmp_path)
        with pytest.raises(DesignError, match=said):
            Manifest.read(tmp_path)


def test_an_unfinished_design_is_none(tmp_path):
    with pytest.raises(DesignError, match=r"secret/coin\.json cannot be read .* there is no finished design"):
        Manifest.read(tmp_path)


def test_a_design_on_paper_has_no_files():
    assert {entry.files for entry in plan_of(50).manifest.entries} == {()}
