import hashlib
import json
import threading

import pytest
import torch
from PIL import Image
from streaming_target import StreamingTarget

from lit_mia.errors import FolderError, RecordError, StoreError, TargetError
from lit_mia.queries.generate import GenerateQuery, estimate, fill, missing, queries_for, read, record_seed
from lit_mia.queries.store import Store
from lit_mia.records import Records
from lit_mia.targets.base import GenerateTarget


class StripeTarget(GenerateTarget):
    """Draws an image of one grey level, made from prompt and seed; may break down after some batches."""

    name = "stripes"
    nfe_per_image = 10
    price_per_image = 0.5

    def __init__(self, batch_size=4, breaks_after=None, error=RuntimeError):
        self.batch_size = batch_size
        self.breaks_after = breaks_after
        self.error = error
        self.asked = []

    def fingerprint(self):
        return {"kind": "stripes"}

    def generate(self, prompts, seeds):
        if self.breaks_after == 0:
            raise self.error("the line is dead")
        if self.breaks_after is not None:
            self.breaks_after -= 1
        self.asked += zip(prompts, seeds, strict=True)
        return torch.stack([draw(*pair) for pair in zip(prompts, seeds, strict=True)])


class FloatTarget(StripeTarget):
    def generate(self, prompts, seeds):
        return super().generate(prompts, seeds).float()


def draw(prompt, seed):
    grey = hashlib.sha256(f"{prompt} {seed}".encode()).digest()[0]
    return torch.full((3, 2, 2), grey, dtype=torch.uint8)


def make_records(n, captions=None):
    ids = tuple(f"r{i}" for i in range(n))
    captions = captions or tuple(f"caption {i}" for i in range(n))
    return Records(ids, captions, (1,) * n, ids, lambda row: Image.new("RGB", (2, 2)), stamps=ids)


def open_store(path):
    return Store(path, StripeTarget().fingerprint())


@pytest.fixture
def queries():
    return queries_for(make_records(10), images_per_record=2, seed=3)


def test_queries_follow_the_records_and_seeds_belong_to_the_record(queries):
    assert [query.record_id for query in queries[:3]] == ["r0", "r0", "r1"]
    assert queries[3] == GenerateQuery("r1", "caption 1", record_seed(3, "r1", 1))
    assert [*queries_for(make_records(10).select([7]), 2, seed=3)] == queries[14:16]
    assert queries[-1] == queries[19]
    assert len(queries) == len([*queries]) == 20
    assert len({query.seed for query in queries}) == 20
    assert all(0 <= query.seed < 2**63 for query in queries)


def test_the_key_is_the_hash_of_prompt_and_seed():
    expected = hashlib.sha256(json.dumps(["a cat", 7]).encode()).hexdigest()
    assert GenerateQuery("one", "a cat", 7).key == GenerateQuery("other", "a cat", 7).key == expected


def test_records_without_caption_are_named():
    with pytest.raises(RecordError, match=r"2 of 3 records have no caption .*: r0, r2\."):
        queries_for(make_records(3, (None, "text", " ")), 1, seed=0)


def test_no_images_per_record_is_refused():
    with pytest.raises(RecordError, match="`images_per_record` must be at least 1, but got 0"):
        queries_for(make_records(1), 0, seed=0)


def test_filling_asks_everything_once_and_counts(tmp_path, queries):
    store, target = open_store(tmp_path), StripeTarget()
    cost = fill(store, target, queries)
    assert (cost.queries, cost.nfe, cost.money) == (20, 200, 10.0)
    assert sorted(target.asked) == sorted((query.prompt, query.seed) for query in queries)
    images = read(store, queries, make_records(10))
    assert images.shape == (10, 2, 3, 2, 2)
    assert torch.equal(images[3, 1], draw(queries[7].prompt, queries[7].seed))


def test_what_was_drawn_and_refused_costs_its_evaluations(tmp_path, queries):
    target = StreamingTarget({query.prompt: "black image" for query in queries[:8]})
    cost = fill(Store(tmp_path, target.fingerprint()), target, queries)
    assert (cost.queries, cost.nfe) == (20, 20 * target.nfe_per_image)


def test_a_second_fill_asks_nothing(tmp_path, queries):
    fill(open_store(tmp_path), StripeTarget(), queries)
    cost = fill(open_store(tmp_path), target := StripeTarget(breaks_after=0), queries)
    assert target.asked == []
    assert (cost.queries, cost.nfe, cost.money) == (0, 0, 0.0)


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_an_interruption_loses_only_the_batch_in_flight(tmp_path, queries, error):
    with pytest.raises(error):
        fill(open_store(tmp_path), broken := StripeTarget(breaks_after=3, error=error), queries)
    store = open_store(tmp_path)
    assert len(store.keys()) == len(broken.asked) == 12
    cost = fill(store, rest := StripeTarget(), queries)
    assert cost.queries == 8
    assert not set(rest.asked) & set(broken.asked)
    assert len(list(tmp_path.glob("shard-*.parquet"))) == 1


def test_a_damaged_shard_is_asked_again(tmp_path, queries):
    fill(open_store(tmp_path), StripeTarget(), queries[:8])
    fill(open_store(tmp_path), StripeTarget(), queries[8:], rank=0, world_size=2)
    damaged = sorted(tmp_path.glob("shard-*.safetensors"))[0]
    data = damaged.read_bytes()
    damaged.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    store = open_store(tmp_path)
    lost = [queries[row] for row in missing(store, queries)]
    assert len(lost) == 14
    fill(store, target := StripeTarget(), queries)
    assert target.asked == [(query.prompt, query.seed) for query in lost]
    assert torch.equal(read(store, queries, make_records(10))[0, 0], draw(queries[0].prompt, queries[0].seed))


def test_ranks_share_the_work_without_gap_or_overlap(tmp_path, queries):
    targets = [StripeTarget(batch_size=2) for _ in range(3)]
    for rank, target in enumerate(targets):  # the later ranks already see the answers of the earlier ones
        fill(open_store(tmp_path), target, queries, rank=rank, world_size=3)
    asked = [pair for target in targets for pair in target.asked]
    assert len(asked) == len(set(asked)) == 20
    assert [len(target.asked) for target in targets] == [7, 7, 6]


def test_a_query_that_occurs_twice_is_asked_once(tmp_path):
    queries = [GenerateQuery("a", "same", 1), GenerateQuery("b", "same", 1), GenerateQuery("c", "other", 1)]
    store, target = open_store(tmp_path), StripeTarget()
    assert missing(store, queries) == [0, 2]
    assert fill(store, target, queries).queries == 2
    ids = ("a", "b")
    records = Records(ids, (None, None), (1, 0), ids, lambda row: Image.new("RGB", (2, 2)), stamps=ids)
    images = read(store, queries, records)
    assert torch.equal(images[0], images[1])


def test_many_batches_leave_few_files(tmp_path):
    queries = [GenerateQuery(str(i), "text", i) for i in range(200)]
    with pytest.raises(RuntimeError):
        fill(open_store(tmp_path), StripeTarget(batch_size=1, breaks_after=150), queries)
    assert len(list(tmp_path.glob("shard-*.parquet"))) < 30
    assert len(open_store(tmp_path).keys()) == 150


def test_an_estimate_asks_nothing(tmp_path, queries):
    store, target = open_store(tmp_path), StripeTarget(breaks_after=0)
    dry = estimate(store, target, queries)
    assert (dry.records, dry.missing, dry.nfe, dry.seconds, dry.money) == (10, 20, 200, None, 10.0)
    assert target.asked == []
    assert store.keys() == set()


def test_an_estimate_remembers_the_pace_of_earlier_fills(tmp_path, queries):
    fill(open_store(tmp_path), StripeTarget(), queries[:12])
    store = open_store(tmp_path)
    dry = estimate(store, StripeTarget(), queries)
    assert dry.missing == 8
    assert dry.seconds == pytest.approx(8 * store.seconds_per_image)
    fill(store, StripeTarget(), queries)
    assert estimate(store, StripeTarget(), queries).seconds == 0.0


def test_reading_an_unfilled_store_says_what_to_do(tmp_path, queries):
    with pytest.raises(StoreError, match="20 of 20 answers are not in the store"):
        read(open_store(tmp_path), queries, make_records(10))


def test_reading_needs_equally_many_queries_per_record(tmp_path, queries):
    with pytest.raises(RecordError, match=r"the same number of queries.*\[1, 2\]"):
        read(open_store(tmp_path), queries[1:], make_records(10))


def test_a_target_that_answers_in_another_form_is_refused(tmp_path, queries):
    with pytest.raises(TargetError, match=r"'stripes' must answer 4 prompts .* torch.float32 \[4, 3, 2, 2\]"):
        fill(open_store(tmp_path), FloatTarget(), queries)


def test_a_diffusion_pipeline_fills_a_store(tmp_path, tiny_target):
    store = Store(tmp_path, tiny_target.fingerprint())
    records = make_records(3)
    queries = queries_for(records, images_per_record=2, seed=0)
    assert fill(store, tiny_target, queries).nfe == 6 * 4 * 2
    images = read(Store(tmp_path, tiny_target.fingerprint()), queries, records)
    assert images.shape == (3, 2, 3, 16, 16)
    alone = tiny_target.generate([queries[5].prompt], [queries[5].seed])[0]
    assert (alone.int() - images[2, 1].int()).abs().max() <= 1


EIGHT = [GenerateQuery(f"r{number}", f"picture {number}", number) for number in range(8)]


def test_an_answer_is_stored_while_the_next_is_drawn_and_all_claims_end_with_it(tmp_path, monkeypatch):
    target, stored = StripeTarget(), threading.Event()
    store = Store(tmp_path, target.fingerprint())
    append, stream = store.append, target.stream

    def slow_append(*args):
        assert stored.wait(5)  # until the next batch is drawn
        append(*args)

    def watched_stream(prompts, seeds):
        if prompts[0] == "picture 4":
            assert not list(tmp_path.glob("shard-*"))
            assert {key for file in tmp_path.glob("claims/*.json") for key in json.loads(file.read_text())["keys"]} == {
                query.key for query in EIGHT
            }
            stored.set()
        yield from stream(prompts, seeds)

    monkeypatch.setattr(store, "append", slow_append)
    monkeypatch.setattr(target, "stream", watched_stream)
    fill(store, target, EIGHT)
    assert store.keys() == {query.key for query in EIGHT}
    assert not list(tmp_path.glob("claims/*"))


def test_an_answer_that_cannot_be_stored_ends_the_asking(tmp_path, monkeypatch):
    target = StripeTarget()
    store = Store(tmp_path, target.fingerprint())
    monkeypatch.setattr(store, "append", lambda *_: (_ for _ in ()).throw(FolderError("full")))
    with pytest.raises(FolderError, match="full"):
        fill(store, target, EIGHT)
    assert not list(tmp_path.glob("claims/*"))
