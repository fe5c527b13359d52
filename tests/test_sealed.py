"""A damaged array or list is noticed, said with its file, and made anew; so is one that another version wrote."""

import json
import logging

import numpy as np
import pytest

from lit_mia.files import cached_path, cached_rows
from lit_mia.sealed import sealed_array, sealed_list, write_list

KEY = {"what": "squares"}


def squares(folder):
    return cached_rows(folder, KEY, 4, np.float32, lambda: iter([np.arange(4, dtype=np.float32)[:, None] ** 2]))


def altered(content):
    return content[:130] + bytes([content[130] ^ 1]) + content[131:]


@pytest.mark.parametrize(
    "damage",
    [altered, lambda content: b"", lambda content: content[:-1], lambda content: content[:40], lambda c: c + b"more"],
    ids=["altered", "emptied", "cut", "header cut", "longer"],
)
def test_a_damaged_array_is_named_and_made_anew(tmp_path, caplog, damage):
    right, file = np.array(squares(tmp_path)), cached_path(tmp_path, KEY)
    file.write_bytes(damage(file.read_bytes()))
    with caplog.at_level(logging.WARNING):
        again = squares(tmp_path)
    np.testing.assert_array_equal(again, right)
    assert f"{file} is damaged" in caplog.text
    assert sealed_array(file) is not None


def test_an_array_is_read_by_numpy_and_one_without_a_checksum_is_taken(tmp_path):
    file = cached_path(tmp_path, KEY)
    np.testing.assert_array_equal(squares(tmp_path), np.load(file))
    np.save(file, np.full((4, 1), 7, np.float32))
    assert squares(tmp_path)[0, 0] == 7


def test_there_may_be_no_rows(tmp_path):
    none = cached_rows(tmp_path, KEY, 0, np.float32, lambda: iter([np.zeros((0, 3), np.float32)]))
    assert none.shape == (0, 3)
    assert sealed_array(cached_path(tmp_path, KEY)) is not None


@pytest.mark.parametrize("damage", [b"", b"\xff", b"7", b'{"values": [1]}', b'{"values": [2], "sha256": "0"}'])
def test_a_damaged_list_is_named(tmp_path, caplog, damage):
    file = tmp_path / "texts.json"
    write_list(file, ["ä", 1])
    assert sealed_list(file) == ["ä", 1]
    file.write_bytes(damage)
    assert sealed_list(file) is None
    assert f"{file} is damaged" in caplog.text
    file.write_text(json.dumps(["as before"]), encoding="utf-8")
    assert sealed_list(file) == ["as before"]
    assert sealed_list(tmp_path / "none.json") is None
