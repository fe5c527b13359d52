"""Paid images for training-free attacks, each stored before it is used: findings come only at the end of a batch."""

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from lit_mia.queries.store import Store, StoreEntry
from lit_mia.targets.base import Answers

T = TypeVar("T")
Query = TypeVar("Query", bound=StoreEntry)


def kept_answers(
    store: Store | None, queries: Sequence[Query], ask: Callable[[Sequence[Query]], Iterator[Answers]]
) -> Iterator[Answers]:
    """Answers and refusals from the store, and what it lacks from the target: stored as it comes in, and then given.

    Args:
        store: Where the images are kept; None keeps none.
        queries: What is asked.
        ask: Asks the target some of them; the rows of its answers count in what it was given.

    Yields:
        Every position exactly once.
    """
    if store is None:
        yield from ask(queries)
        return
    keys, held, refused = [query.key for query in queries], store.keys(), store.refused()
    here = [row for row, key in enumerate(keys) if key in held]
    gone = {row: refused[key] for row, key in enumerate(keys) if key in refused}
    yield Answers(here, store.read(_of(keys, here)), gone)
    missing = [row for row, key in enumerate(keys) if key not in held and row not in gone]
    for part in ask(_of(queries, missing)) if missing else ():
        rows, reasons = _of(missing, part.rows), {missing[row]: reason for row, reason in part.refused.items()}
        if rows:
            store.append(_of(queries, rows), part.images)
        if reasons:
            store.refuse({keys[row]: reason for row, reason in reasons.items()})
        yield Answers(rows, part.images, reasons)
    store.compact(mine=True)


def _of(values: Sequence[T], rows: Sequence[int]) -> list[T]:
    return [values[row] for row in rows]
