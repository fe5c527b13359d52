import hashlib
import logging
import multiprocessing

import pytest
import safetensors.torch
import torch

from lit_mia.errors import StoreError
from lit_mia.files import key_digest, replacing
from lit_mia.queries import store as module
from lit_mia.queries.generate import GenerateQuery
from lit_mia.queries.store import Store

FINGERPRINT = {"weights": "abc", "steps": 20, "guidance": 5.0, "negative_prompt": None}


def make_queries(names):
    return [GenerateQuery(name, f"a {name}", number) for number, name in enumerate(names)]


def make_images(n, offset=0):
    return torch.arange(offset, offset + n, dtype=torch.uint8).view(n, 1, 1, 1).expand(n, 3, 2, 4).contiguous()


def append_many(path, prefix, n):
    store = Store(path, FINGERPRINT)
    for query in make_queries([f"{prefix}{i}" for i in range(n)]):
        store.append([query], make_images(1, query.seed))


def shard_files(path, suffix):
    return sorted(path.glob(f"shard-*.{suffix}"))


def flip_a_bit(file, position):
    data = bytearray(file.read_bytes())
    data[position] ^= 1
    file.write_bytes(data)


@pytest.fixture
def filled(tmp_path):
    store = Store(tmp_path / "store", FINGERPRINT)
    queries = make_queries("abcde")
    store.append(queries[:2], make_images(2), seconds=1.0)
    store.append(queries[2:], make_images(3, 2))
    return store, queries


def test_answers_come_back_in_the_order_asked_after_reopening(filled):
    store, queries = filled
    keys = [queries[i].key for i in (3, 0, 4, 0)]
    again = Store(store.path, FINGERPRINT)
    assert again.keys() == {query.key for query in queries}
    assert again.read(keys)[:, 0, 0, 0].tolist() == [3, 0, 4, 0]
    assert again.read(keys).shape == (4, 3, 2, 4)


def test_reading_what_is_absent_says_how_much(filled):
    store, queries = filled
    with pytest.raises(StoreError, match=r"1 of 2 answers are not in the store .*lit-mia query"):
        store.read([queries[0].key, "nothing"])


def test_a_foreign_fingerprint_names_every_differing_field(filled):
    store, _ = filled
    with pytest.raises(StoreError) as caught:
        Store(store.path, FINGERPRINT | {"steps": 30, "negative_prompt": "blur"})
    message = str(caught.value)
    assert "steps: store 20, target 30" in message
    assert "negative_prompt: store None, target blur" in message
    assert "guidance" not in message
    assert "Choose another `store:` folder, or delete this one" in message


def test_shards_without_a_fingerprint_are_refused(filled):
    store, _ = filled
    (store.path / "fingerprint.json").unlink()
    with pytest.raises(StoreError, match=r"has lost its fingerprint\.json"):
        Store(store.path, FINGERPRINT)


def test_a_file_is_no_store(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot be opened"):
        Store(tmp_path / "file", FINGERPRINT)


@pytest.mark.parametrize("suffix", ["safetensors", "parquet"])
@pytest.mark.parametrize("position", [4, 100, -1])
def test_a_damaged_shard_is_reported_and_its_answers_are_missing(filled, caplog, suffix, position):
    store, queries = filled
    damaged = shard_files(store.path, suffix)[0]
    flip_a_bit(damaged, position)
    with caplog.at_level(logging.WARNING):
        again = Store(store.path, FINGERPRINT)
    assert again.keys() == {query.key for query in queries[2:]}
    assert damaged.stem in caplog.text
    assert "asked again" in caplog.text


@pytest.mark.parametrize("suffix", ["safetensors", "parquet"])
def test_a_shard_without_its_partner_is_reported(filled, caplog, suffix):
    store, queries = filled
    lost = shard_files(store.path, suffix)[0]
    lost.unlink()
    with caplog.at_level(logging.WARNING):
        again = Store(store.path, FINGERPRINT)
    assert again.keys() == {query.key for query in queries[2:]}
    assert lost.stem in caplog.text
    assert "missing" in caplog.text


def test_a_shard_that_another_process_is_writing_is_no_damage(filled, caplog):
    store, queries = filled
    with replacing(store.path / "shard-f-0.parquet") as index:
        index.touch()
        (store.path / "shard-f-0.safetensors").write_bytes(b"images")
        assert len(Store(store.path, FINGERPRINT).keys()) == len(queries)
    assert caplog.text == ""


def test_a_store_that_cannot_be_written_is_read_and_left_as_it_is(filled, caplog, monkeypatch):
    store, queries = filled
    monkeypatch.setattr("lit_mia.files.os.access", lambda *_: False)
    again = Store(store.path, FINGERPRINT)
    again.compact()
    assert "not merged" in caplog.text
    assert again.read([query.key for query in queries]).shape[0] == len(queries)


@pytest.mark.parametrize("content", ["", "{", "[1, 2]", "7"])
def test_a_damaged_fingerprint_is_told(filled, content):
    store, _ = filled
    (store.path / "fingerprint.json").write_text(content, encoding="utf-8")
    with pytest.raises(StoreError, match=f"{store.path} cannot be opened"):
        Store(store.path, FINGERPRINT)


def test_a_truncated_shard_is_found(filled):
    store, queries = filled
    for suffix in ("safetensors", "parquet"):
        file = shard_files(store.path, suffix)[0]
        file.write_bytes(file.read_bytes()[:50])
        assert Store(store.path, FINGERPRINT).keys() == {query.key for query in queries[2:]}


def test_wrong_images_are_refused(filled):
    store, queries = filled
    with pytest.raises(StoreError, match=r"\[2, 3, h, w\] for 2 queries, but got torch.float32 \[2, 3, 2, 4\]"):
        store.append(queries[:2], make_images(2).float())


def test_compacting_keeps_every_answer_and_the_digest(filled):
    store, queries = filled
    keys = [query.key for query in queries]
    before, digest = store.read(keys), store.digest()
    store.compact()
    assert len(shard_files(store.path, "parquet")) == len(shard_files(store.path, "safetensors")) == 1
    for opened in (store, Store(store.path, FINGERPRINT)):
        assert torch.equal(opened.read(keys), before)
        assert opened.digest() == digest
        assert opened.seconds_per_image == 0.5


def test_merged_images_are_a_file_of_safetensors(filled):
    store, queries = filled
    store.compact()
    (file,) = shard_files(store.path, "safetensors")
    assert file.read_bytes() == safetensors.torch.save({"images": make_images(5)})
    assert store.read([query.key for query in queries]).shape == (5, 3, 2, 4)


def test_images_of_two_sizes_are_not_merged(filled):
    store, _ = filled
    store.append([GenerateQuery("f", "f", 1)], make_images(1).repeat(1, 1, 2, 1))
    with pytest.raises(StoreError, match=r"must have one size, but those in .* have 4 x 2 and 4 x 4"):
        store.compact()
    assert len(Store(store.path, FINGERPRINT).keys()) == 6


def test_a_digest_is_that_of_the_sorted_list_of_all(filled):
    store, queries = filled
    store.refuse({"0": "reäson", queries[0].key: "answered all the same"})
    hashes = [hashlib.sha256(image.numpy().tobytes()).hexdigest() for image in make_images(5)]
    pairs = [*zip([query.key for query in queries], hashes, strict=True), ("0", "refused: reäson")]
    assert store.digest() == key_digest(sorted(pairs))


def test_a_crash_while_compacting_loses_nothing(filled, monkeypatch):
    store, queries = filled
    digest = store.digest()

    def crash(shard):
        raise KeyboardInterrupt

    monkeypatch.setattr(module.Shard, "delete", crash)
    with pytest.raises(KeyboardInterrupt):
        store.compact()
    monkeypatch.undo()
    assert len(shard_files(store.path, "parquet")) == 3
    again = Store(store.path, FINGERPRINT)
    assert again.digest() == digest
    again.compact()
    assert len(shard_files(store.path, "parquet")) == 1
    assert again.keys() == {query.key for query in queries}
    assert again.digest() == digest


def test_compacting_respects_the_largest_shard(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "SHARD_BYTES", 1000)
    store = Store(tmp_path, FINGERPRINT)
    for query in make_queries("abcdefghijkl"):
        store.append([query], make_images(1, query.seed))
    store.compact()
    assert 1 < len(shard_files(tmp_path, "safetensors")) < 12
    assert all(file.stat().st_size <= 1000 for file in shard_files(tmp_path, "safetensors"))
    assert len(Store(tmp_path, FINGERPRINT).keys()) == 12


def test_compacting_only_mine_leaves_the_shards_of_others(filled):
    store, _ = filled
    other = Store(store.path, FINGERPRINT)
    other.append([GenerateQuery("f", "f", 1)], make_images(1))
    other.compact(mine=True)
    assert len(shard_files(store.path, "parquet")) == 3
    store.compact(mine=True)
    assert len(shard_files(store.path, "parquet")) == 2


def test_a_reader_follows_shards_that_others_merge(filled):
    store, queries = filled
    keys = [query.key for query in queries]
    Store(store.path, FINGERPRINT).compact()
    assert store.read(keys)[:, 0, 0, 0].tolist() == [0, 1, 2, 3, 4]


def test_of_two_answers_to_one_query_the_first_counts(filled):
    store, queries = filled
    Store(store.path, FINGERPRINT).append(queries[:1], make_images(1, 99))
    for opened in (store, Store(store.path, FINGERPRINT)):
        assert opened.read([queries[0].key])[0, 0, 0, 0] == 0
    store.compact()
    assert store.read([queries[0].key])[0, 0, 0, 0] == 0


def test_the_digest_depends_on_the_answers_only(filled, tmp_path):
    store, queries = filled
    other = Store(tmp_path / "other", FINGERPRINT)
    order = [4, 2, 0, 1, 3]
    other.append([queries[i] for i in order], make_images(5)[order])
    assert other.digest() == store.digest()
    other.append([GenerateQuery("f", "f", 1)], make_images(1))
    assert other.digest() != store.digest()


@pytest.mark.slow
def test_two_processes_may_append_at_once(tmp_path):
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=append_many, args=(tmp_path, prefix, 20)) for prefix in "xy"]
    store = Store(tmp_path, FINGERPRINT)
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0, 0]
    keys = [query.key for prefix in "xy" for query in make_queries([f"{prefix}{i}" for i in range(20)])]
    assert store.keys() == set(keys)
    assert store.read(keys)[:, 0, 0, 0].tolist() == [*range(20), *range(20)]
