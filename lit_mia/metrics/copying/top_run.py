"""Are more members than chance allows closer to what a model draws than every non-member? A test without a threshold.

Under a coin every order of the units is equally likely, so the first k in it are all members with probability

    P(k or more) = ∏ over j < k of (n1 - j) / (n1 + n0 - j),

about 2^-k for equal halves. It is made for a few members that a model learned by heart: what the others do is not
looked at.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from lit_mia.metrics.copying.units import units_of
from lit_mia.metrics.roc import FloatArray, check


class TopRun(NamedTuple):
    """The members above every non-member.

    Attributes:
        above: How many units, groups or single records, there are of them.
        p: Probability of as many or more under a coin that was tossed for each group.
    """

    above: int
    p: float


def top_run(scores: ArrayLike, labels: ArrayLike, groups: ArrayLike | None = None) -> TopRun:
    """Count and test the members that score higher than the best non-member; one that only equals it does not count.

    Args:
        scores: Raw scores of any finite range, higher = closer copy, `[n]`; of a group its highest counts.
        labels: 1 = member, 0 = non-member, `[n]`.
        groups: Name of each record's group, such as near-duplicates, `[n]`; None if every record is its own group.

    Raises:
        MetricError: See `lit_mia.metrics.roc.check`.
    """
    best, is_member = units_of(*check(scores, labels), groups)
    above, members = int(np.sum(best > best[~is_member].max())), int(is_member.sum())
    return TopRun(above, float(first_are_members(members, len(best) - members)[above]))


def first_are_members(n1: int, n0: int) -> FloatArray:
    """Probability that the first k of all units in an order are members, if every order is equally likely.

    Args:
        n1: Members.
        n0: Non-members.

    Returns:
        For every k from 0 to `n1`, `[n1 + 1]`.
    """
    steps = np.arange(n1)
    return np.cumprod(np.concatenate([[1.0], (n1 - steps) / (n1 + n0 - steps)]))
