"""Do queries find what belongs to them? The check of an attacker's tools."""

from dataclasses import dataclass

import torch
from scipy.stats import binomtest
from torch import Tensor

from lit_mia.errors import MetricError

_CELLS = 2**27
"""Similarities that are held at once: one gigabyte."""


@dataclass(frozen=True)
class Retrieval:
    """How often the key of a query's own row is among the nearest of all keys.

    Attributes:
        n: Queries, and keys.
        nearest: Keys that count as found.
        found: Queries whose own key is among them.
        p: Exact one-sided binomial p-value of "own keys are found no more often than by chance".
    """

    n: int
    nearest: int
    found: int
    p: float

    @property
    def rate(self) -> float:
        """Share of the queries that find their own key."""
        return self.found / self.n

    @property
    def chance(self) -> float:
        """Share that would find it if keys were dealt out at random."""
        return self.nearest / self.n

    def interval(self) -> tuple[float, float]:
        """Clopper–Pearson 95 % interval of `rate`."""
        low, high = binomtest(self.found, self.n).proportion_ci(0.95, "exact")
        return float(low), float(high)


def retrieval(closer: Tensor, nearest: int = 10) -> Retrieval:
    """The rate at which own keys are among the nearest.

    Args:
        closer: For each query, how many keys are as close as its own or closer, `[n]`.
        nearest: Keys that count as found.

    Raises:
        MetricError: If there are not more queries than `nearest`.
    """
    n = len(closer)
    if n <= nearest:
        raise MetricError(f"Finding one of the {nearest} nearest needs more than {nearest} queries, but there are {n}.")
    found = int((closer < nearest).sum())
    return Retrieval(n, nearest, found, float(binomtest(found, n, nearest / n, "greater").pvalue))


def closer_keys(queries: Tensor, keys: Tensor) -> Tensor:
    """For each query, how many other keys are as similar as its own or more so, by the cosine: `[n]`.

    Args:
        queries: `[n, d]`.
        keys: `[n, d]`; row `i` belongs to query `i`.
    """
    unit, theirs = (torch.nn.functional.normalize(values.double(), dim=-1) for values in (queries, keys))
    size = max(1, _CELLS // len(keys))
    starts = range(0, len(keys), size)
    return torch.cat([_closer(unit[start : start + size] @ theirs.T, start) for start in starts])


def _closer(similarity: Tensor, start: int) -> Tensor:
    """The same for queries from `start` on, by their similarity to all keys, `[b, n]`."""
    return (similarity >= similarity.diagonal(start)[:, None]).sum(dim=1) - 1
