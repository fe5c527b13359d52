"""How many images of each half are reproduced, and whether more of those that were trained on."""

from typing import NamedTuple

from numpy.typing import ArrayLike

from lit_mia.metrics.copying.units import units_of
from lit_mia.metrics.rates import Rate, rate_of
from lit_mia.metrics.resampling import IntArray, group_numbers
from lit_mia.metrics.roc import BoolArray, check


class Half(NamedTuple):
    """How many of one half are copied.

    Attributes:
        copied: Records that are.
        records: All records of the half.
        rate: Their share, with the interval of `lit_mia.metrics.rates.rate_of`.
        copied_units: Units, groups or single records, of which any record is.
        units: All units of the half.
    """

    copied: int
    records: int
    rate: Rate
    copied_units: int
    units: int


class Excess(NamedTuple):
    """Copies among members beside those among non-members, which are coincidences.

    Attributes:
        members: The half that was trained on.
        nonmembers: The half that was held out.
        p: One-sided p of "members are copied no more often", by Fisher's exact test on units (see
            `lit_mia.metrics.copying.units`).
    """

    members: Half
    nonmembers: Half
    p: float


def excess_of(copied: ArrayLike, labels: ArrayLike, groups: ArrayLike | None = None) -> Excess:
    """Count copies by half and test their excess.

    Args:
        copied: Whether each record is copied, bool `[n]`.
        labels: 1 = member, 0 = non-member, `[n]`.
        groups: Name of each record's group, such as near-duplicates, `[n]`; None if every record is its own group.

    Raises:
        MetricError: See `lit_mia.metrics.roc.check`.
    """
    from scipy.stats import fisher_exact

    values, is_member = check(copied, labels)
    names = group_numbers(groups, len(values))
    units = units_of(values, is_member, names)
    members, nonmembers = (
        _half(values[is_member == side] > 0, names[is_member == side], units.most[units.is_member == side] > 0)
        for side in (True, False)
    )
    table = [[half.copied_units, half.units - half.copied_units] for half in (members, nonmembers)]
    return Excess(members, nonmembers, float(fisher_exact(table, alternative="greater").pvalue))


def _half(copied: BoolArray, groups: IntArray, copied_units: BoolArray) -> Half:
    rate = rate_of(copied, groups)
    return Half(int(copied.sum()), len(copied), rate, int(copied_units.sum()), len(copied_units))
