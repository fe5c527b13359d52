"""Answers that come in parts, and refusals: nothing is lost, nothing is asked twice."""

import logging

import pytest
import torch
from PIL import Image
from streaming_target import PART, StreamingTarget

from lit_mia.errors import StoreError, TargetError
from lit_mia.queries.generate import estimate, fill, missing, queries_for, read, refusals
from lit_mia.queries.store import Store
from lit_mia.records import Records
from lit_mia.targets.base import Answers

N = 10
REFUSES = {"text 3": "violence", "text 7": "a person"}


def make_records(n=N):
    ids = tuple(f"r{i}" for i in range(n))
    return Records(ids, tuple(f"text {i}" for i in range(n)), (1,) * n, ids, lambda row: Image.new("RGB", (2, 2)), ids)


def open_store(path):
    return Store(path, StreamingTarget().fingerprint())


@pytest.fixture
def queries():
    return queries_for(make_records(), images_per_record=2, seed=3)


def pairs(queries):
    return sorted((query.prompt, query.seed) for query in queries)


class OddTarget(StreamingTarget):
    """Answers one prompt well and then in another form than it should."""

    def __init__(self, odd):
        super().__init__()
        self.odd = odd

    def stream(self, prompts, seeds):
        yield Answers([0], torch.zeros(1, 3, 8, 8, dtype=torch.uint8))
        if self.odd is not None:
            yield self.odd


def images_like(n, dtype=torch.uint8):
    return torch.zeros(n, 3, 8, 8, dtype=dtype)


# ---------------------------------------------------------------------- parts


@pytest.mark.parametrize("batch_size", [1, 4, 1000])
def test_parts_in_any_order_end_up_with_their_queries(tmp_path, queries, batch_size):
    store, target = open_store(tmp_path), StreamingTarget(batch_size=batch_size)
    cost = fill(store, target, queries)
    assert pairs(queries) == sorted(target.asked)
    assert (cost.queries, cost.nfe) == (2 * N, 4 * N)
    images = read(open_store(tmp_path), queries, make_records())
    expected = torch.stack([target.draw(query.prompt, query.seed) for query in queries])
    assert torch.equal(images.flatten(0, 1), expected)


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_what_came_in_before_a_breakdown_is_kept_and_not_asked_again(tmp_path, queries, error):
    broken = StreamingTarget(REFUSES, breaks_after=14, error=error)
    with pytest.raises(error):
        fill(open_store(tmp_path), broken, queries)
    store = open_store(tmp_path)
    assert len(broken.asked) == 14 - 14 % PART
    assert len(store.keys()) + len(store.refused()) == len(broken.asked)
    fill(store, rest := StreamingTarget(REFUSES), queries)
    assert pairs(queries) == sorted(broken.asked + rest.asked)


def test_many_small_parts_leave_few_files(tmp_path):
    queries = queries_for(make_records(150), images_per_record=2, seed=0)
    refuses = {f"text {i}": "no" for i in range(0, 150, 2)}
    with pytest.raises(RuntimeError):
        fill(open_store(tmp_path), StreamingTarget(refuses, breaks_after=280), queries)
    assert len(list(tmp_path.glob("refused-*.json"))) < 40
    assert len(list(tmp_path.glob("shard-*.parquet"))) < 40
    store = open_store(tmp_path)
    assert len(store.keys()) + len(store.refused()) == 280 - 280 % PART


@pytest.mark.parametrize(
    ("odd", "message"),
    [
        (Answers([0], images_like(1)), r"each prompt of a batch once, but answered \[0\]"),
        (Answers([1, 1], images_like(2)), r"but answered \[1, 1\]"),
        (Answers([1], images_like(1), {1: "no"}), r"but answered \[1, 1\]"),
        (Answers([20], images_like(1)), r"but answered \[20\]"),
        (Answers([1], images_like(1, torch.float32)), r"uint8 images \[1, 3, h, w\], but returned torch.float32"),
        (Answers([1, 2], images_like(1)), r"must answer 2 prompts .* \[1, 3, 8, 8\]"),
        (None, "left 19 of 20 prompts unanswered"),
    ],
)
def test_parts_of_another_form_are_refused_and_the_others_kept(tmp_path, queries, odd, message):
    store = open_store(tmp_path)
    with pytest.raises(TargetError, match=message):
        fill(store, OddTarget(odd), queries)
    assert store.keys() == {queries[0].key}


# ---------------------------------------------------------------------- refusals


def test_refused_queries_are_known_by_reason_and_neither_asked_nor_read_again(tmp_path, queries):
    fill(open_store(tmp_path), StreamingTarget(REFUSES), queries)
    store = open_store(tmp_path)
    refused = {query.key: REFUSES[query.prompt] for query in queries if query.prompt in REFUSES}
    assert store.refused() == refused
    assert refusals(store, queries) == {"r3": "violence", "r7": "a person"}
    assert store.keys() == {query.key for query in queries} - refused.keys()
    assert missing(store, queries) == []
    assert estimate(store, StreamingTarget(), queries).missing == 0
    again = StreamingTarget()
    assert fill(store, again, queries).queries == 0
    assert again.asked == []
    with pytest.raises(StoreError, match=r"4 of 20 answers are not in the store .*\(4 were refused by the target\)"):
        read(store, queries, make_records())
    answered = [query for query in queries if query.prompt not in REFUSES]
    assert len(read(store, answered, make_records().select([0, 1, 2, 4, 5, 6, 8, 9]))) == 8


def test_a_record_is_refused_if_one_of_its_images_is(tmp_path, queries):
    store = open_store(tmp_path)
    store.refuse({queries[5].key: "late"})
    assert refusals(store, queries) == {"r2": "late"}


def test_ranks_share_refusals(tmp_path, queries):
    stores = [open_store(tmp_path) for _ in range(2)]
    targets = [StreamingTarget(REFUSES) for _ in range(2)]
    for rank, (store, target) in enumerate(zip(stores, targets, strict=True)):
        fill(store, target, queries, rank, 2)
    assert pairs(queries) == sorted(targets[0].asked + targets[1].asked)
    assert stores[0].refused() == stores[1].refused()
    assert len(stores[0].refused()) == 4
    assert stores[0].digest() == stores[1].digest() == open_store(tmp_path).digest()


# ---------------------------------------------------------------------- accounts


def test_every_paid_attempt_counts_whatever_came_of_it(tmp_path, queries):
    with pytest.raises(RuntimeError):
        fill(open_store(tmp_path), StreamingTarget(REFUSES, breaks_after=9), queries)
    target = StreamingTarget(REFUSES)
    cost = fill(open_store(tmp_path), target, queries)
    assert (cost.queries, cost.money) == (11, 11 * 0.5)
    assert cost.nfe == 2 * 11, "what was drawn and refused too"
    assert (target.charges().confirmed, target.charges().uncertain) == (20, 1)
    idle = StreamingTarget(REFUSES)
    assert fill(open_store(tmp_path), idle, queries).money == 0
    assert idle.charges() == target.charges()  # kept in the folder, also for a run that asks nothing


def test_cut_captions_are_told_once_per_fill(tmp_path, queries, caplog):
    target = StreamingTarget(longest=5)
    with caplog.at_level(logging.WARNING):
        fill(open_store(tmp_path), target, queries)
        fill(open_store(tmp_path), target, queries)
    assert [record.message for record in caplog.records] == [
        "The target stream cut 20 captions that are too long for it."
    ]
