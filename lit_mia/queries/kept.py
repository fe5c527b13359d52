"""Paid images for training-free attacks, each stored before it is used: findings come only at the end of a batch."""

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar, final

from torch import Tensor

from lit_mia.queries.generate import GenerateQuery
from lit_mia.queries.store import Store, StoreEntry
from lit_mia.targets.base import Answers, GenerateTarget, VaryTarget

T = TypeVar("T")
Asking = Callable[[list[int]], Iterator[Answers]]
"""Asks some rows of a batch; the rows of its answers count in what it was given."""


@final
@dataclass(frozen=True)
class VariationQuery:
    """A request for one variation of an image.

    Attributes:
        record_id: The record that it is made for; not part of what is asked.
        image: The image, uint8 `[3, s, s]`.
        prompt: Its caption, or the empty text.
        seed: The seed of the variation.
    """

    record_id: str
    image: Tensor
    prompt: str
    seed: int

    @property
    def key(self) -> str:
        """What the answer is found by in the store: SHA-256 of image, caption and seed."""
        pixels = hashlib.sha256(self.image.numpy().tobytes()).hexdigest()
        return hashlib.sha256(json.dumps([pixels, self.prompt, self.seed]).encode()).hexdigest()


def variations(
    target: VaryTarget,
    ids: Sequence[str],
    images: Tensor,
    captions: Sequence[str | None],
    seeds: Sequence[int],
    store: Store | None,
) -> Iterator[Answers]:
    """One variation of each image, from the store or from the target.

    Args:
        target: The target.
        ids: The records that the images belong to.
        images: uint8 `[b, 3, s, s]`.
        captions: The text of each image, or None.
        seeds: One seed per image.
        store: Where the variations are kept; None keeps none.

    Yields:
        Every position exactly once.
    """
    if store is None:
        yield from target.stream_vary(images, captions, seeds)
        return
    texts = [caption or "" for caption in captions]
    queries = [VariationQuery(*row) for row in zip(ids, images, texts, seeds, strict=True)]
    yield from _kept(
        store, queries, lambda rows: target.stream_vary(images[rows], _of(captions, rows), _of(seeds, rows))
    )


def generations(
    target: GenerateTarget, ids: Sequence[str], prompts: Sequence[str], seeds: Sequence[int], store: Store | None
) -> Iterator[Answers]:
    """One image for each prompt, likewise."""
    if store is None:
        yield from target.stream(prompts, seeds)
        return
    queries = [GenerateQuery(*row) for row in zip(ids, prompts, seeds, strict=True)]
    yield from _kept(store, queries, lambda rows: target.stream(_of(prompts, rows), _of(seeds, rows)))


def _kept(store: Store, queries: Sequence[StoreEntry], ask: Asking) -> Iterator[Answers]:
    """Answers and refusals from the store, and what it lacks from the target: stored as it comes in, and then given."""
    keys, held, refused = [query.key for query in queries], store.keys(), store.refused()
    here = [row for row, key in enumerate(keys) if key in held]
    gone = {row: refused[key] for row, key in enumerate(keys) if key in refused}
    yield Answers(here, store.read(_of(keys, here)), gone)
    missing = [row for row, key in enumerate(keys) if key not in held and row not in gone]
    for part in ask(missing) if missing else ():
        rows, reasons = _of(missing, part.rows), {missing[row]: reason for row, reason in part.refused.items()}
        if rows:
            store.append(_of(queries, rows), part.images)
        if reasons:
            store.refuse({keys[row]: reason for row, reason in reasons.items()})
        yield Answers(rows, part.images, reasons)
    store.compact(mine=True)


def _of(values: Sequence[T], rows: Sequence[int]) -> list[T]:
    return [values[row] for row in rows]
