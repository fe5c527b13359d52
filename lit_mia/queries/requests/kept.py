"""Images from the store, and from the target what the store lacks.

Each paid image is stored before it is used, because findings come only at the end of a batch.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from lit_mia.queries.store import Store, StoreEntry
from lit_mia.targets.base import Answers

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
    keys = [query.key for query in queries]
    lacking, refused = set(store.lacks(keys)), store.refused()
    here = [row for row, key in enumerate(keys) if key not in lacking and key not in refused]
    gone = {row: refused[key] for row, key in enumerate(keys) if key in refused}
    yield Answers(here, store.read([keys[row] for row in here]), gone)
    missing = [row for row, key in enumerate(keys) if key in lacking and row not in gone]
    asked = [queries[row] for row in missing]
    store.check_room(len(asked))
    for part in ask(asked) if missing else ():
        store.keep(asked, part)
        rows, reasons = [missing[row] for row in part.rows], {missing[row]: why for row, why in part.refused.items()}
        yield Answers(rows, part.images, reasons)
    store.compact(mine=True)
