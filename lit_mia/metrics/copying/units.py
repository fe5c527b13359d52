"""What a coin decides about: a group of records, or a record without one."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from lit_mia.metrics.resampling import MIXED, group_compositions
from lit_mia.metrics.roc import BoolArray, FloatArray


class Units(NamedTuple):
    """Groups or single records, each by the largest value of its records.

    Attributes:
        most: That value, `[u]`.
        is_member: Whether its records are members, `[u]`.
    """

    most: FloatArray
    is_member: BoolArray


def units_of(values: FloatArray, is_member: BoolArray, groups: ArrayLike | None = None) -> Units:
    """The units of a test that takes labels as exchangeable: exact whatever the sizes of groups and what records share.

    That is so where a coin was tossed for each group, or without groups for each record. Where a group holds members
    and non-members no coin was tossed for it, and its records are units of their own. Then a test is no longer exact,
    and the fewer its groups of both labels, and the more alike the records of a group, the nearer it is.

    Args:
        values: Of each record, `[n]`.
        is_member: Of each record, `[n]`.
        groups: Name of each record's group, `[n]`; None if every record is its own group.
    """
    group_of, composition = group_compositions(is_member, groups)
    own = len(values) + np.arange(len(values))
    names = np.where(composition[group_of] == MIXED, own, group_of)
    _, first, unit_of = np.unique(names, return_index=True, return_inverse=True)
    most = np.full(len(first), -np.inf)
    np.maximum.at(most, unit_of, values)
    return Units(most, is_member[first])
