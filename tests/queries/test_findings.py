"""The store of findings: kept once, read in any order, and never silently wrong."""

import hashlib
import json

import pytest
import safetensors.torch
import torch

from lit_mia.errors import StoreError
from lit_mia.queries.findings import FindingStore, FoundBy

FINGERPRINT = {"kind": "test", "weights": "abc"}


@pytest.fixture
def filled(tmp_path):
    """Two passes: records a, b with maps, record c without."""
    store = FindingStore(tmp_path, FINGERPRINT)
    maps = [torch.arange(24.0).view(2, 3, 2, 2), torch.ones(2, 1, 2, 2)]
    store.append(
        ["a", "b"], [FoundBy("x", 2, torch.tensor([1.0, 2.0]), maps[0]), FoundBy("y", 7, torch.ones(2, 3), maps[1])]
    )
    store.append(["c"], [FoundBy("x", 2, torch.tensor([3.0]))])
    return store


def test_what_is_stored_comes_back_in_the_order_that_is_asked(filled):
    assert filled.statistics("x", ["c", "a", "b"]).tolist() == [[3], [1], [2]]
    assert filled.statistics("y", ["b"]).tolist() == [[1, 1, 1]]
    assert filled.residuals("x", ["b", "a"])[:, 0, 0, 1].tolist() == [13, 1]
    assert (filled.evaluations("x"), filled.evaluations("y")) == (2, 7)


def test_it_knows_what_it_holds(filled):
    assert filled.holds("x", "c", residual=False)
    assert not filled.holds("x", "c", residual=True)
    assert filled.holds("x", "a", residual=True)
    assert not filled.holds("y", "c", residual=False)
    with pytest.raises(StoreError, match=r"1 of 2 findings are not in the store.*lit-mia query"):
        filled.statistics("y", ["a", "c"])


def test_another_process_finds_the_same(filled):
    again = FindingStore(filled.path, FINGERPRINT)
    assert again.statistics("x", ["a", "b", "c"]).tolist() == [[1], [2], [3]]
    assert again.digest() == filled.digest()
    again.append(["d"], [FoundBy("x", 2, torch.tensor([4.0]))])
    assert filled.statistics("x", ["d"]).tolist() == [[4]]
    assert filled.digest() == again.digest()


def test_another_target_is_refused(filled):
    with pytest.raises(StoreError, match=r"another target.*weights: store abc, target def"):
        FindingStore(filled.path, {**FINGERPRINT, "weights": "def"})


def test_a_store_that_lost_its_fingerprint_is_refused(filled):
    (filled.path / "fingerprint.json").unlink()
    with pytest.raises(StoreError, match="lost its fingerprint"):
        FindingStore(filled.path, FINGERPRINT)


def test_a_damaged_file_is_ignored_and_named(filled, caplog):
    file = sorted(filled.path.glob("*.safetensors"))[0]
    data = bytearray(file.read_bytes())
    data[-1] ^= 1
    file.write_bytes(bytes(data))
    again = FindingStore(filled.path, FINGERPRINT)
    assert not again.holds("x", "a", residual=False)
    assert again.holds("x", "c", residual=False)
    assert file.name in caplog.text


def test_of_two_findings_about_a_record_the_earlier_counts(filled):
    filled.append(["a"], [FoundBy("x", 2, torch.tensor([9.0]))])
    assert FindingStore(filled.path, FINGERPRINT).statistics("x", ["a"]).tolist() == [[1]]


def test_a_file_as_it_was_always_written_is_read(filled):
    facts = {"records": ["d", "e"], "evaluations": {"z": 5}}
    tensors = {"statistic/z": torch.tensor([1.0, 2.0]).double(), "residual/z": torch.ones(2, 1, 2, 2)}
    data = safetensors.torch.save(tensors, {"facts": json.dumps(facts)})
    (filled.path / f"18e-{hashlib.sha256(data).hexdigest()}.safetensors").write_bytes(data)
    assert filled.statistics("z", ["e", "d"]).tolist() == [[2], [1]]
    assert filled.residuals("z", ["e"]).shape == (1, 1, 2, 2)
    assert filled.evaluations("z") == 5


def test_the_digest_is_of_the_findings_whatever_files_they_are_in(filled, tmp_path):
    digests = []
    for name, batches in (("whole", [["a", "b", "c"]]), ("parts", [["c"], ["b", "a"]]), ("less", [["a", "b"]])):
        store = FindingStore(tmp_path / name, FINGERPRINT)
        for records in batches:
            found = torch.tensor([float(ord(record)) for record in records])
            store.append(records, [FoundBy("x", 2, found, found.view(-1, 1, 1, 1))])
        digests.append(store.digest())
        assert FindingStore(store.path, FINGERPRINT).digest() == store.digest()
    assert digests[0] == digests[1] != digests[2]
    filled.append(["a"], [FoundBy("x", 2, torch.tensor([9.0]))])  # the earlier one counts
    assert FindingStore(filled.path, FINGERPRINT).digest() == filled.digest()
