"""The pool of names among which a person is looked for: those under question, and random ones around them."""

from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

import numpy as np

from lit_mia.errors import RecordError
from lit_mia.records import name_key, names_given_twice, spelled

LISTS = Path(__file__).parent / "name_lists"
GIVEN, SURNAMES = ("given-female", "given-male"), "surnames"
"""Lists of the US Census of 1990, public domain, most frequent first."""


def filled_pool(given: Collection[str], size: int, seed: int) -> tuple[str, ...]:
    """Names in alphabetical order: those that are given, and a fill of random ones.

    Half of the fill has a given name of each list, drawn with a surname from all pairs.

    Args:
        given: Names that must be there, each once.
        size: How many names the pool shall hold, M.
        seed: Seed of the fill.

    Raises:
        RecordError: If more names are given than the pool shall hold or than can be drawn, or one in two spellings.
    """
    _check_different("The people and further names of the source", given)
    missing = size - len(given)
    lists, surnames = [name_list(name) for name in GIVEN], name_list(SURNAMES)
    most = sum(len(names) for names in lists) * len(surnames) // 4  # beyond, most draws would be repeats
    if size < 2 or not 0 <= missing <= most:
        raise RecordError(
            f"`pool_size` must be at least 2, hold the {len(given)} names under question and need at most {most} more, "
            f"but is {size}."
        )
    pool, rng = {name_key(name): name for name in given}, np.random.default_rng(seed)
    for names, end in zip(lists, (len(given) + missing // 2, size), strict=True):
        draws = _pairs(names, surnames, rng)
        while len(pool) < end:
            name = next(draws)
            pool.setdefault(name_key(name), name)
    return tuple(sorted(pool.values()))


def name_list(name: str) -> list[str]:
    """One of the shipped lists."""
    return (LISTS / f"{name}.txt").read_text(encoding="utf-8").split()


def read_pool(path: str) -> tuple[str, ...]:
    """A pool from a UTF-8 text file with a name per line, in alphabetical order.

    Raises:
        RecordError: If it cannot be read, holds fewer than two names, or one twice.
    """
    try:
        lines = Path(path).expanduser().read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise RecordError(f"`pool` cannot be read as a UTF-8 text file: {error}.") from error
    names = [spelled(line) for line in lines if line.strip()]
    if len(names) < 2:
        raise RecordError(f"{path} must hold at least two names, but holds {len(names)} lines of names.")
    _check_different(path, names)
    return tuple(sorted(names))


def _check_different(where: str, names: Collection[str]) -> None:
    twice = names_given_twice(names)
    if twice:
        raise RecordError(
            f"{where} must hold each name once, but {len(twice)} are there more than once, e.g. {twice[:3]}; case and "
            "the kind of apostrophe make no other name. Delete the repeats."
        )


def _pairs(given: Sequence[str], surnames: Sequence[str], rng: np.random.Generator) -> Iterator[str]:
    while True:
        yield f"{given[int(rng.integers(len(given)))]} {surnames[int(rng.integers(len(surnames)))]}"
