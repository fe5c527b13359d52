"""What a coin decides about: a group of records, or a record without one."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from lit_mia.metrics.resampling import IntArray, group_numbers
from lit_mia.metrics.roc import BoolArray, FloatArray


class Units(NamedTuple):
    """Groups of records, each by what is most of its records.

    Attributes:
        most: The largest value of its records, `[u]`.
        is_member: Whether its records are members, `[u]`.
    """

    most: FloatArray
    is_member: BoolArray


def units_of(values: FloatArray, is_member: BoolArray, groups: ArrayLike | None = None) -> Units:
    """The units of a test that takes labels as exchangeable, whatever the sizes of groups and what their records share.

    They are exchangeable where a coin was tossed for each group. If a group holds members and non-members there was no
    such coin. Its members are then one unit and its non-members another, and the larger one has the better chance to
    have a large value.

    Args:
        values: Of each record, `[n]`.
        is_member: Of each record, `[n]`.
        groups: Name of each record's group, `[n]`; None if every record is its own group.
    """
    keys: IntArray = 2 * group_numbers(groups, len(values)) + is_member
    names, unit_of = np.unique(keys, return_inverse=True)
    most = np.full(len(names), -np.inf)
    np.maximum.at(most, unit_of, values)
    return Units(most, names % 2 == 1)
