"""Consecutive parts of something long."""

from collections.abc import Iterator


def slices(n: int, size: int) -> Iterator[slice]:
    """The slices that cut `n` rows into parts of `size`, the last one maybe shorter."""
    return (slice(start, min(start + size, n)) for start in range(0, n, size))
