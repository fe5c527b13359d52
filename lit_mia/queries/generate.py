"""Asking a target for images: one per record, prompt and seed, and never twice."""

import logging
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import final, overload

import numpy as np
import torch
from torch import Tensor

from lit_mia.batches import slices
from lit_mia.cost import Cost, Estimate
from lit_mia.errors import RecordError, TargetError
from lit_mia.files import key_digest
from lit_mia.models import enough_memory
from lit_mia.queries.behind import Behind
from lit_mia.queries.claims import Claims
from lit_mia.queries.places import digests
from lit_mia.queries.progress import progress
from lit_mia.queries.store import Store
from lit_mia.queries.together import spent_together
from lit_mia.ranges import at_least, check
from lit_mia.reasons import listed
from lit_mia.records import Records
from lit_mia.targets.base import AccessLevel, Answers, GenerateTarget

PARTS_PER_MERGE = 64
AT_ONCE = 2**14
"""Queries whose keys are in memory."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class GenerateQuery:
    """A request for one image.

    Attributes:
        record_id: The record that it is made for; not part of what is asked.
        prompt: The text that is sent.
        seed: The seed of the image, in [0, 2^63).
    """

    record_id: str
    prompt: str
    seed: int

    @property
    def key(self) -> str:
        """What the answer is found by in the store: SHA-256 of prompt and seed."""
        return key_digest([self.prompt, self.seed])


def record_seed(seed: int, record_id: str, index: int) -> int:
    """The seed of a record's image number `index`, in [0, 2^63); it depends on no other record.

    Args:
        seed: The seed of the audit.
        record_id: The record.
        index: Number of the image among those of the record.
    """
    return int(key_digest([seed, record_id, index])[:16], 16) >> 1


@final
@dataclass(frozen=True)
class Queries(Sequence[GenerateQuery]):
    """The queries of all records, in their order, each record's images one after another; made when they are looked at.

    Attributes:
        records: The records, all with captions.
        per_record: Images of each.
        seed: The seed of the audit.
    """

    records: Records
    per_record: int
    seed: int

    def __len__(self) -> int:
        return len(self.records) * self.per_record

    @overload
    def __getitem__(self, at: int) -> GenerateQuery: ...

    @overload
    def __getitem__(self, at: slice) -> list[GenerateQuery]: ...

    def __getitem__(self, at: int | slice) -> GenerateQuery | list[GenerateQuery]:
        """One query, or a list of some."""
        if isinstance(at, slice):
            return [self[number] for number in range(len(self))[at]]
        row, index = divmod(range(len(self))[at], self.per_record)
        name = self.records.ids[row]
        return GenerateQuery(name, str(self.records.captions[row]), record_seed(self.seed, name, index))


def queries_for(records: Records, images_per_record: int, seed: int) -> Queries:
    """The queries of all records, in their order, each record's images one after another.

    Args:
        records: The records; every one needs a caption, which is the prompt.
        images_per_record: Images to ask for per record, at least 1.
        seed: The seed of the audit.

    Raises:
        RecordError: If a record has no caption, or `images_per_record` is below 1.
    """
    check(RecordError, at_least(1)(images_per_record=images_per_record))
    bare = records.uncaptioned()
    if bare:
        raise RecordError(
            f"{len(bare)} of {len(records)} records have no caption to send to the target: {listed(bare)}. "
            "Add captions, or leave these records out."
        )
    return Queries(records, images_per_record, seed)


def missing(store: Store, queries: Sequence[GenerateQuery], rows: Sequence[int] | None = None) -> list[int]:
    """Which of some queries are neither answered nor refused yet, in their order.

    Args:
        store: The target's store.
        queries: The queries.
        rows: Which of them are meant, all different queries; None: the first of each that are equal.
    """
    rows, found = _distinct(queries) if rows is None else rows, list[int]()
    for part in slices(len(rows), AT_ONCE):
        row_of = {queries[row].key: row for row in rows[part]}
        found += [row_of[key] for key in store.lacks(list(row_of))]
    return found


def estimate(store: Store, target: GenerateTarget, queries: Sequence[GenerateQuery]) -> Estimate:
    """What `fill` would cost; nothing is asked."""
    n = len(missing(store, queries))
    pace = store.seconds_per_image
    return Estimate(
        records=len({query.record_id for query in queries}),
        missing=n,
        nfe=n * target.nfe_per_image,
        seconds=0.0 if n == 0 else None if pace is None else n * pace,
        money=n * target.price_per_image,
    )


@spent_together
def fill(
    store: Store, target: GenerateTarget, queries: Sequence[GenerateQuery], rank: int = 0, world_size: int = 1
) -> Cost:
    """Ask the target what the store does not hold yet, and store every part of its answers as it comes in.

    Each part is stored while the target draws the next. An interruption loses at most the answers on their way; the
    next call asks only the rest. What the target refuses is stored as refused and not asked again.

    Args:
        store: The target's store.
        target: The target; `batch_size` queries at a time are given to its `stream`.
        queries: What the store shall hold; a query that occurs twice is asked once.
        rank: Number of this process among those that fill the store together.
        world_size: How many there are; each asks its own share, and all must be given the same queries.

    Returns:
        What this process spent; of the first one that a launcher started, what all of them did.

    Raises:
        TargetError: If the target does not generate, or answers in another form than it should.
        FolderError: If the store has no room for the next answers, before they are asked.
    """
    target.require(AccessLevel.GENERATE)
    target.keep_accounts(store.path)
    # Shares are cut from all queries: what is missing may already differ between ranks.
    todo = missing(store, queries, _distinct(queries)[rank::world_size])
    began, paid, cut, images = time.perf_counter(), target.charges(own=True).money, target.truncated, 0
    claims = Claims[int](store.path, lambda row: queries[row].key, lambda rows: missing(store, queries, rows))
    with (
        progress(f"query {target.name}", len(todo), "images") as bar,
        claims.batches(todo, target.batch_size, answered=bar.update) as batches,
        Behind() as storing,
    ):
        asked = ([queries[row] for row in rows] for rows in batches)
        for number, (batch, part, seconds) in enumerate(_parts(store, target, asked)):
            # The first answer may have waited for the target to be loaded, so its time is not remembered.
            storing.do(partial(store.keep, batch, part, seconds if number else None))
            images += len(part.rows) + len(part.refused)  # what is refused was drawn, where evaluations are told
            bar.update(len(part.rows) + len(part.refused))
            if number % PARTS_PER_MERGE == PARTS_PER_MERGE - 1:
                storing.wait()
                store.compact(mine=world_size > 1)
    store.compact(mine=world_size > 1)
    if target.truncated > cut:
        logger.warning("The target %s cut %d captions that are too long for it.", target.name, target.truncated - cut)
    money = target.charges(own=True).money - paid or images * target.price_per_image
    return Cost(images, images * target.nfe_per_image, time.perf_counter() - began, money)


def refusals(store: Store, queries: Sequence[GenerateQuery]) -> dict[str, str]:
    """Record id → reason of the first refusal, for the records of which the target refused at least one query."""
    refused = store.refused()
    reasons: dict[str, str] = {}
    for query in queries:
        if query.key in refused:
            reasons.setdefault(query.record_id, refused[query.key])
    return reasons


def read(store: Store, queries: Sequence[GenerateQuery], records: Records) -> Tensor:
    """The stored images of each record, in the order of the records: uint8 `[n, k, 3, h, w]`.

    Args:
        store: The target's store.
        queries: The queries of the records (and maybe of others), equally many per record.
        records: The records.

    Raises:
        RecordError: If the records differ in the number of their queries, or have none.
        StoreError: If an answer is not stored.
    """
    keys: dict[str, list[str]] = {name: [] for name in records.ids}
    for query in queries:
        if query.record_id in keys:
            keys[query.record_id].append(query.key)
    counts = {len(of_record) for of_record in keys.values()}
    if len(counts) != 1 or 0 in counts:
        raise RecordError(f"Every record needs the same number of queries, at least 1, but has {sorted(counts)}.")
    images = store.read([key for of_record in keys.values() for key in of_record])
    return images.reshape(len(records), counts.pop(), *images.shape[1:])


def _distinct(queries: Sequence[GenerateQuery]) -> list[int]:
    """The first of each of some queries that are equal, in their order."""
    _, first = np.unique(digests(query.key for query in queries), return_index=True)
    return sorted(first.tolist())


def _parts(
    store: Store, target: GenerateTarget, batches: Iterable[Sequence[GenerateQuery]]
) -> Iterator[tuple[Sequence[GenerateQuery], Answers, float]]:
    """The answers as they come in, checked: each part with the batch that its positions count in and its seconds."""
    for batch in batches:
        store.check_room(len(batch))
        waiting, began = set(range(len(batch))), time.perf_counter()
        with enough_memory():
            for part in target.stream([query.prompt for query in batch], [query.seed for query in batch]):
                _check(target, part, waiting)
                waiting.difference_update(part.rows, part.refused)
                yield batch, part, time.perf_counter() - began
                began = time.perf_counter()
        if waiting:
            raise TargetError(f"The target {target.name!r} left {len(waiting)} of {len(batch)} prompts unanswered.")


def _check(target: GenerateTarget, part: Answers, waiting: set[int]) -> None:
    n, images, rows = len(part.rows), part.images, [*part.rows, *part.refused]
    if len(set(rows)) < len(rows) or not waiting.issuperset(rows):
        raise TargetError(f"The target {target.name!r} must answer each prompt of a batch once, but answered {rows}.")
    if n and (images.dtype != torch.uint8 or images.ndim != 4 or images.shape[:2] != (n, 3)):
        raise TargetError(
            f"The target {target.name!r} must answer {n} prompts with uint8 images [{n}, 3, h, w], "
            f"but returned {images.dtype} {list(images.shape)}."
        )
